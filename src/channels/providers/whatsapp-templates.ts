import { askGraph, no_token, refusalOf } from "./graph.ts";
import type { Content } from "../contract.ts";
import { probeOf } from "./ask.ts";
import type {
  Credentials,
  InboundEvent,
  Probe,
  ProviderTemplate,
  TemplateButton,
  TemplateChanges,
  TemplateComponent,
  TemplateListing,
  TemplateParameter,
  TemplateSource,
  World,
} from "./provider.ts";
import { at, cut, idAt, listAt, textAt } from "./read.ts";

/** WhatsApp's templates: listing them, hearing of them, sending by them. https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates */

export const templates: TemplateSource = { accountOf: (credentials) => credentials["waba_id"] ?? null, list };

// Listing

const fields = "id,name,language,status,category,quality_score,rejected_reason,parameter_format,components";
const per_page = 200;
/** Meta allows 6,000 templates; whoever tells of more goes round in circles. */
const most_pages = 100;

/** Page by page, by the cursor: `paging.next` is a URL with the token in it, of whatever host the answer says. */
async function list(credentials: Credentials, world: World): Promise<TemplateListing> {
  const { meta_graph_url, meta_graph_version } = world.settings;
  const edge = `${meta_graph_url}/${meta_graph_version}/${encodeURIComponent(credentials["waba_id"] ?? "")}/message_templates`;
  const found = new Map<string, ProviderTemplate>();
  let cursor: string | null = null;
  for (let page = 0; page < most_pages; page++) {
    const url: string = `${edge}?fields=${fields}&limit=${per_page}${cursor === null ? "" : `&after=${encodeURIComponent(cursor)}`}`;
    const answer = await askGraph(url, credentials, world);
    if (answer === null) return failed("channel_auth_failed", no_token, false);
    const told: { said?: unknown } = {};
    const probe: Probe = probeOf(answer, refusalOf, (said) => ((told.said = said), { ok: true, detail: "" }));
    if (!probe.ok) return probe;
    if (!Array.isArray(at(told.said, "data"))) return failed("provider_unavailable", "The answer is not a list of templates.", true);
    for (const item of listAt(told.said, "data")) {
      const template = templateOf(item);
      if (template) found.set(`${template.name} ${template.language}`, template);
    }
    cursor = textAt(told.said, "paging", "cursors", "after");
    if (cursor === null || textAt(told.said, "paging", "next") === null) return { ok: true, templates: [...found.values()] };
  }
  return failed("provider_unavailable", `The list of templates has no end after ${most_pages} pages.`, true);
}

const failed = (code: "channel_auth_failed" | "provider_unavailable", detail: string, is_passing: boolean): TemplateListing => ({
  ok: false,
  error: { code, detail, provider_code: null },
  is_passing,
});

function templateOf(item: unknown): ProviderTemplate | null {
  const [external_id, name, language, status] = [idAt(item, "id"), idAt(item, "name"), idAt(item, "language"), textAt(item, "status")];
  if (external_id === null || name === null || language === null || status === null) return null;
  const reason = textAt(item, "rejected_reason");
  return {
    external_id,
    name,
    language,
    status: cut(status, 50),
    category: shortAt(item, "category"),
    quality: shortAt(item, "quality_score", "score"),
    rejected_reason: reason === null || reason === "NONE" ? null : cut(reason, 200),
    parameter_format: textAt(item, "parameter_format")?.toUpperCase() === "NAMED" ? "named" : "positional",
    components: listAt(item, "components").flatMap(componentOf),
  };
}

function shortAt(item: unknown, ...path: string[]): string | null {
  const text = textAt(item, ...path);
  return text && cut(text, 50);
}

function componentOf(component: unknown): TemplateComponent[] {
  const type = textAt(component, "type")?.toUpperCase() ?? "";
  const text = textAt(component, "text");
  if (type === "BODY" && text !== null) return [{ type: "body", text }];
  if (type === "FOOTER" && text !== null) return [{ type: "footer", text }];
  if (type === "HEADER") return [headerOf(component, text)];
  if (type === "BUTTONS") return [{ type: "buttons", buttons: listAt(component, "buttons").map(buttonOf) }];
  return [{ type: "unsupported", name: cut(type || "UNKNOWN", 50) }];
}

function headerOf(component: unknown, text: string | null): TemplateComponent {
  const format = textAt(component, "format")?.toLowerCase() ?? "";
  if (format === "text" && text !== null) return { type: "header", format, text };
  if (format === "image" || format === "video" || format === "document") return { type: "header", format };
  return { type: "unsupported", name: cut(`HEADER ${format.toUpperCase()}`, 50) };
}

const button_types = new Map<string, TemplateButton["type"]>([
  ["URL", "url"],
  ["QUICK_REPLY", "quick_reply"],
  ["PHONE_NUMBER", "phone_number"],
  ["COPY_CODE", "copy_code"],
]);

const buttonOf = (button: unknown): TemplateButton => ({
  type: button_types.get(textAt(button, "type")?.toUpperCase() ?? "") ?? "other",
  text: textAt(button, "text") ?? "",
  target: textAt(button, "url") ?? textAt(button, "phone_number"),
});

// Hearing

type News = Pick<Extract<InboundEvent, { kind: "template" }>, "name" | "language" | "changes" | "is_stale">;

/** The events of the status that are a status themselves; of any other (it was locked, a limit was reached) the status is asked for. */
const states: readonly string[] = [
  "APPROVED",
  "ARCHIVED",
  "DELETED",
  "DISABLED",
  "IN_APPEAL",
  "PAUSED",
  "PENDING",
  "PENDING_DELETION",
  "REJECTED",
];

/** Those that lead back to one. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/message_template_status_update */
const approving: readonly string[] = ["REINSTATED", "UNARCHIVED"];

/** A change of a template, told of by its field; undefined where it is about something else. */
export function readTemplateNews(change: unknown): News | undefined {
  const field = textAt(change, "field") ?? "";
  if (!/^(message_template_(status|quality|components)|template_category)_update$/.test(field)) return undefined;
  const value = at(change, "value");
  const [name, language] = [idAt(value, "message_template_name"), idAt(value, "message_template_language")];
  if (name === null || language === null) return undefined;
  const changes = changesOf(field, value);
  return { name, language, changes: changes ?? {}, is_stale: changes === undefined };
}

/** Undefined where it is not said what the template is like now. */
function changesOf(field: string, value: unknown): TemplateChanges | undefined {
  if (field === "message_template_components_update") return undefined;
  if (field === "message_template_status_update") return statusOf(value);
  const quality = shortAt(value, "new_quality_score");
  if (field === "message_template_quality_update") return quality ? { quality } : {};
  const category = shortAt(value, "new_category");
  return category ? { category } : {};
}

function statusOf(value: unknown): TemplateChanges | undefined {
  const event = shortAt(value, "event")?.toUpperCase() ?? "";
  // It can still be sent.
  if (event === "FLAGGED") return {};
  const status = approving.includes(event) ? "APPROVED" : event;
  if (!states.includes(status)) return undefined;
  const reason = textAt(value, "rejection_info", "reason") ?? textAt(value, "reason");
  const rejected_reason = status === "REJECTED" && reason !== null && reason !== "NONE" ? cut(reason, 200) : null;
  return { status, rejected_reason };
}

// Sending

/** Of each part that has parameters its values, in their order. https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates */
export function templatePayload(
  { name, language }: Extract<Content, { type: "template" }>,
  parameters: readonly TemplateParameter[],
): object {
  const ofPart = (part: "header" | "body") => {
    const told = parameters.filter(({ component }) => component === part).map(parameterOf);
    return told.length > 0 ? [{ type: part, parameters: told }] : [];
  };
  const buttons = parameters.flatMap((parameter) =>
    parameter.component === "button"
      ? [{ type: "button", sub_type: parameter.kind, index: String(parameter.index), parameters: [parameterOf(parameter)] }]
      : [],
  );
  const components = [...ofPart("header"), ...ofPart("body"), ...buttons];
  return {
    type: "template",
    template: { name, language: { policy: "deterministic", code: language }, ...(components.length > 0 && { components }) },
  };
}

function parameterOf(parameter: TemplateParameter): object {
  switch (parameter.kind) {
    case "text":
      return { type: "text", ...(parameter.name !== null && { parameter_name: parameter.name }), text: parameter.value };
    case "url":
      return { type: "text", text: parameter.value };
    case "copy_code":
      return { type: "coupon_code", coupon_code: parameter.value };
    case "image":
    case "video":
    case "document":
      return { type: parameter.kind, [parameter.kind]: { link: parameter.value } };
  }
}
