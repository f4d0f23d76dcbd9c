import type { Ctx } from "../core/context.ts";
import { findMine } from "../db/mine.ts";
import type { PreviewTemplate, TemplatePreview } from "./contract.ts";
import { judgeVariables, refusalOf } from "./judge-template.ts";
import { renderTemplate } from "./render-template.ts";
import { message_templates } from "./tables.ts";

/** What a template would say; also one that may not be sent yet. */
export async function previewTemplate(ctx: Ctx, { template_id, variables }: PreviewTemplate): Promise<TemplatePreview> {
  const { components } = await findMine(ctx, message_templates, template_id);
  const judgement = judgeVariables({ components }, variables, "/variables");
  if (!judgement.ok) throw refusalOf(judgement);
  return { object: "template_preview", template_id, ...renderTemplate(components, variables) };
}
