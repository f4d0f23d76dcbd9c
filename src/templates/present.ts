import type { Template } from "./contract.ts";
import { parametersOf } from "./parameters.ts";
import type { message_templates } from "./tables.ts";

export type TemplateRow = typeof message_templates.$inferSelect;

export const presentTemplate = (row: TemplateRow): Template => ({
  ...row,
  object: "template",
  parameters: parametersOf(row.components).map(({ key, component, kind }) => ({ key, component, kind })),
});
