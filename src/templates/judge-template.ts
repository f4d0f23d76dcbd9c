import { and, eq, ne } from "drizzle-orm";
import type { Channel } from "../channels/find-hooked-channel.ts";
import type { TemplateParameter as ParameterValue } from "../channels/providers/template.ts";
import type { Ctx } from "../core/context.ts";
import { ApiError, type Fault } from "../core/errors.ts";
import { urlOf } from "../core/url.ts";
import { mine } from "../db/mine.ts";
import type { TemplateVariables } from "./contract.ts";
import { parametersOf, type Place } from "./parameters.ts";
import type { TemplateRow } from "./present.ts";
import { renderTemplate } from "./render-template.ts";
import { message_templates } from "./tables.ts";

interface Wanted {
  name: string;
  language: string;
  variables: TemplateVariables;
}

type Judgement =
  | { ok: true; text: string; parameters: ParameterValue[] }
  | {
      ok: false;
      code: "template_not_found" | "template_not_approved" | "template_params_invalid" | "content_type_unsupported";
      detail: string;
      faults: Fault[];
    };

/** Whether a template can be sent as it is wanted, by what is known here; and what it then says. */
export async function judgeTemplate(ctx: Ctx, channel: Channel, wanted: Wanted): Promise<Judgement> {
  const named = await findNamed(ctx, channel, wanted.name);
  const template = named.find(({ language }) => language === wanted.language);
  if (!template) return refused("template_not_found", whereElse(wanted, named));
  if (template.status !== "APPROVED") {
    const reason = template.rejected_reason ? ` (${template.rejected_reason})` : "";
    return refused("template_not_approved", `The template ${wanted.name} (${wanted.language}) is ${template.status}${reason}.`);
  }
  return judgeVariables(template, wanted.variables, "/content/variables");
}

/** The same, of the request that wants it. */
export async function assertTemplate(ctx: Ctx, channel: Channel, wanted: Wanted) {
  const judgement = await judgeTemplate(ctx, channel, wanted);
  if (!judgement.ok) throw refusalOf(judgement);
  return judgement;
}

export const refusalOf = ({ code, detail, faults }: Extract<Judgement, { ok: false }>): ApiError =>
  new ApiError(code, { detail, ...(faults.length > 0 && { errors: faults }) });

/** Whether a template has all that it needs, and nothing that it does not know. */
export function judgeVariables({ components }: Pick<TemplateRow, "components">, variables: TemplateVariables, pointer: string): Judgement {
  const unsupported = components.find(({ type }) => type === "unsupported");
  if (unsupported?.type === "unsupported")
    return refused("content_type_unsupported", `The template has a part of the kind ${unsupported.name}, which cannot be sent from here.`);

  const places = parametersOf(components);
  const faultAt = (key: string, code: string, detail: string): Fault => ({
    pointer: `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`,
    code,
    detail,
  });
  const faults = [
    ...places.flatMap((place) => {
      const why = whyNot(place, variables[place.key]);
      return why ? [faultAt(place.key, ...why)] : [];
    }),
    ...Object.keys(variables)
      .filter((key) => !places.some((place) => place.key === key))
      .map((key) => faultAt(key, "unknown_variable", `The template has no parameter ${key}.`)),
  ];
  if (faults.length > 0) return refused("template_params_invalid", faults.map(({ detail }) => detail).join(" "), faults);
  return {
    ok: true,
    text: renderTemplate(components, variables).text,
    parameters: places.map((place) => valueAt(place, variables[place.key]!)),
  };
}

/** WhatsApp takes neither an empty value, nor lines, tabs or long gaps in a text (132000, 132012). */
function whyNot({ key, kind }: Place, value: string | undefined): [code: string, detail: string] | undefined {
  if (value === undefined) return ["required", `The parameter ${key} is missing.`];
  if (value.trim() === "") return ["too_small", `The parameter ${key} is empty.`];
  if (kind === "text")
    return /[\n\r\t]| {5}/.test(value)
      ? ["invalid_characters", `The parameter ${key} has a line break, a tab or a gap of more than four blanks.`]
      : undefined;
  if (kind === "url" || kind === "copy_code")
    return /\s/.test(value) ? ["invalid_characters", `The parameter ${key} has a blank.`] : undefined;
  return urlOf(value)?.protocol === "https:" ? undefined : ["invalid_format", `The parameter ${key} must be an https URL.`];
}

function valueAt({ component, kind, name, index }: Place, value: string): ParameterValue {
  if (component === "button") return { component, kind: kind as "url" | "copy_code", index, value };
  if (component === "header" && kind !== "text") return { component, kind: kind as "image" | "video" | "document", value };
  return { component, kind: "text", name: /^\d+$/.test(name) ? null : name, value };
}

const refused = (code: Extract<Judgement, { ok: false }>["code"], detail: string, faults: Fault[] = []): Judgement => ({
  ok: false,
  code,
  detail,
  faults,
});

/** Every language in which the channel's account has it. */
async function findNamed(ctx: Ctx, { template_account }: Channel, name: string): Promise<TemplateRow[]> {
  if (template_account === null) return [];
  return ctx.db
    .select()
    .from(message_templates)
    .where(
      and(
        mine(ctx, message_templates),
        eq(message_templates.account_id, template_account),
        eq(message_templates.name, name),
        ne(message_templates.status, "DELETED"),
      ),
    )
    .orderBy(message_templates.language);
}

function whereElse({ name, language }: Wanted, named: TemplateRow[]): string {
  if (named.length === 0) return `The channel's account has no template ${name}.`;
  return `The template ${name} is not there in ${language}, but in ${named.map((one) => one.language).join(", ")}.`;
}
