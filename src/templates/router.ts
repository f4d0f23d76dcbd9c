import { adminWrite, read, readByPost, router } from "../trpc/procedure.ts";
import {
  ListTemplates,
  PreviewTemplate,
  SyncTemplates,
  Template,
  TemplateList,
  TemplatePreview,
  TemplateRef,
  TemplateSync,
} from "./contract.ts";
import { findTemplate, listTemplates } from "./find-template.ts";
import { previewTemplate } from "./preview-template.ts";
import { fetchTemplates, syncTemplates } from "./sync-templates.ts";

export const templatesRouter = router({
  list: read({
    route: "GET /v1/templates",
    name: "listTemplates",
    summary: "List templates",
    description: "The templates of the workspace's WhatsApp accounts, in every language and with every status, and the parameters of each.",
    input: ListTemplates,
    output: TemplateList,
    errors: ["invalid_cursor"],
    run: listTemplates,
  }),
  get: read({
    route: "GET /v1/templates/{template_id}",
    name: "getTemplate",
    summary: "Get a template",
    description: "One template in one language. `parameters` are the variables that must be given to send it.",
    input: TemplateRef,
    output: Template,
    run: findTemplate,
  }),
  preview: readByPost({
    route: "POST /v1/templates/{template_id}/preview",
    name: "previewTemplate",
    summary: "Preview a template",
    description:
      "Renders the template with your variables. Every variable that is missing, empty or unknown is named in the error; nothing is sent.",
    input: PreviewTemplate,
    output: TemplatePreview,
    errors: ["template_params_invalid", "content_type_unsupported"],
    run: previewTemplate,
  }),
  sync: adminWrite({
    route: "POST /v1/templates/sync",
    name: "syncTemplates",
    summary: "Synchronise templates",
    description:
      "Fetches all templates from WhatsApp now, which otherwise happens every hour. For each channel all templates are updated, or none; those that WhatsApp no longer has become `DELETED`.",
    input: SyncTemplates,
    output: TemplateSync,
    prepare: fetchTemplates,
    run: syncTemplates,
  }),
});
