import { z } from "zod";
import { sendErrorCodes } from "../channels/contract.ts";
import { idField, listOf, pageInput, textField, Timestamp } from "../core/fields.ts";
import { exampleId, story } from "../core/story.ts";

export const TemplateName = textField(512, z.string().min(1)).meta({ description: "The template's name.", examples: ["order_shipped"] });
export const TemplateLanguage = textField(20, z.string().min(1)).meta({
  description: "The template's language, exactly as the template has it: `en` is not `en_US`.",
  examples: ["en"],
});
const most_variables = 100;

export const TemplateVariables = z
  .record(textField(100, z.string().min(1)), textField(2048))
  .refine((variables) => Object.keys(variables).length <= most_variables, {
    error: `Must have at most ${most_variables} variables.`,
    params: { code: "too_large" },
  })
  .meta({
    maxProperties: most_variables,
    description:
      "A value for each of the template's `parameters`, by its `key`: `1` or `first_name` in the body, `header.1` in the header, `header` for its file (an https URL), `button.0` for the end of a button's URL or its code.",
    examples: [{ "1": "Sara", "2": "A-1007" }],
  });
export type TemplateVariables = z.infer<typeof TemplateVariables>;

export const ParameterFormat = z
  .enum(["positional", "named"])
  .meta({ description: "How the body's parameters are named: `1`, `2` … or by words." });
export type ParameterFormat = z.infer<typeof ParameterFormat>;

const Component = z
  .object({
    type: z
      .enum(["header", "body", "footer", "buttons", "unsupported"])
      .meta({ description: "Which part it is; `unsupported`: one that this API cannot send." }),
    format: z.enum(["text", "image", "video", "document"]).optional().meta({ description: "Of a header only: text or a file." }),
    text: z
      .string()
      .optional()
      .meta({ description: "The text, with its parameters in double braces; of a text header, the body and the footer." }),
    name: z.string().optional().meta({ description: "WhatsApp's own name of an `unsupported` part." }),
    buttons: z
      .array(
        z.object({
          type: z.enum(["url", "quick_reply", "phone_number", "copy_code", "other"]).meta({ description: "What it does." }),
          text: z.string().meta({ description: "What is written on it." }),
          target: z.string().nullable().meta({ description: "The URL it opens, or the number it calls; null where it has neither." }),
        }),
      )
      .optional()
      .meta({ description: "Of the part `buttons` only." }),
  })
  .meta({ id: "TemplateComponent", description: "A part of a template." });

export const TemplateParameter = z
  .object({
    key: z.string().meta({ description: "Its key in `variables`.", examples: ["1"] }),
    component: z.enum(["header", "body", "button"]).meta({ description: "The part it stands in." }),
    kind: z
      .enum(["text", "image", "video", "document", "url", "copy_code"])
      .meta({ description: "What to give: a text, the https URL of a file, the end of a button's URL, or a code to copy." }),
  })
  .meta({ id: "TemplateParameter", description: "A variable that must be given to send the template." });
export type TemplateParameter = z.infer<typeof TemplateParameter>;

export const Template = z
  .object({
    id: idField("tmpl"),
    object: z.literal("template"),
    account_id: z.string().meta({ description: "The WhatsApp Business account that owns it.", examples: ["102290129340398"] }),
    name: z.string().meta({ description: "The template's name." }),
    language: z.string().meta({ description: "The template's language, as WhatsApp writes it." }),
    category: z.string().nullable().meta({ description: "WhatsApp's category, such as `UTILITY`; null: not told." }),
    status: z.string().meta({
      description: "WhatsApp's status. Only `APPROVED` can be sent; `DELETED`: WhatsApp no longer has it.",
      examples: ["APPROVED"],
    }),
    quality: z.string().nullable().meta({ description: "WhatsApp's rating of its quality, such as `GREEN`; null: not told." }),
    rejected_reason: z.string().nullable().meta({ description: "Why WhatsApp rejected it, in WhatsApp's word; null: it did not." }),
    parameter_format: ParameterFormat,
    parameters: z.array(TemplateParameter).meta({ description: "What must be given in `variables`: all of these, and nothing else." }),
    components: z.array(Component).meta({ description: "Its parts." }),
    synced_at: Timestamp.meta({ description: "When WhatsApp was last asked for it." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({
    id: "Template",
    description: "A message that WhatsApp approves beforehand, in one language.",
    examples: [
      {
        id: exampleId("tmpl"),
        object: "template",
        account_id: "102290129340398",
        name: "order_shipped",
        language: "en",
        category: "UTILITY",
        status: "APPROVED",
        quality: "GREEN",
        rejected_reason: null,
        parameter_format: "positional",
        parameters: [
          { key: "1", component: "body", kind: "text" },
          { key: "2", component: "body", kind: "text" },
        ],
        components: [{ type: "body", text: "Hello {{1}}, your order {{2}} is on its way." }],
        synced_at: "2026-11-22T10:00:00.000Z",
        created_at: story.keys_made_at,
        updated_at: story.keys_made_at,
      },
    ],
  });
export type Template = z.input<typeof Template>;

export const TemplateRef = z.strictObject({ template_id: idField("tmpl") });
export type TemplateRef = z.output<typeof TemplateRef>;

export const ListTemplates = z.strictObject({
  status: z
    .array(z.string().min(1).max(50))
    .meta({ description: "One or more; repeat the parameter.", examples: [["APPROVED"]] })
    .optional(),
  category: z
    .array(z.string().min(1).max(50))
    .meta({ description: "One or more; repeat the parameter.", examples: [["UTILITY"]] })
    .optional(),
  name: TemplateName.optional(),
  language: TemplateLanguage.optional(),
  channel_id: idField("chan").meta({ description: "Only templates that this channel can send." }).optional(),
  ...pageInput,
});
export type ListTemplates = z.output<typeof ListTemplates>;
export const TemplateList = listOf(Template, "TemplateList");

export const PreviewTemplate = TemplateRef.extend({ variables: TemplateVariables.default({}) }).meta({
  examples: [{ variables: { "1": "Sara", "2": "A-1007" } }],
});
export type PreviewTemplate = z.output<typeof PreviewTemplate>;

export const TemplatePreview = z
  .object({
    object: z.literal("template_preview"),
    template_id: idField("tmpl"),
    header: z
      .object({
        format: z.enum(["text", "image", "video", "document"]).meta({ description: "Text, or which kind of file." }),
        text: z.string().nullable().meta({ description: "The header's text; null for a file." }),
        url: z.string().nullable().meta({ description: "The file's URL; null for a text." }),
      })
      .nullable()
      .meta({ description: "Null: it has no header." }),
    body: z.string().nullable().meta({ description: "Null: it has no body." }),
    footer: z.string().nullable().meta({ description: "Null: it has no footer." }),
    buttons: z
      .array(
        z.object({
          type: z.string().meta({ description: "What it does, as in the template." }),
          text: z.string().meta({ description: "What is written on it." }),
          target: z
            .string()
            .nullable()
            .meta({ description: "The URL it opens, the number it calls or the code it copies; null where it has none." }),
        }),
      )
      .meta({ description: "Empty: it has no buttons." }),
    text: z.string().meta({ description: "All parts as one text, as a message sent with this template keeps it." }),
  })
  .meta({
    id: "TemplatePreview",
    description: "A template with its variables filled in.",
    examples: [
      {
        object: "template_preview",
        template_id: exampleId("tmpl"),
        header: null,
        body: "Hello Sara, your order A-1007 is on its way.",
        footer: null,
        buttons: [],
        text: "Hello Sara, your order A-1007 is on its way.",
      },
    ],
  });
export type TemplatePreview = z.input<typeof TemplatePreview>;

export const SyncTemplates = z
  .strictObject({
    channel_id: idField("chan").meta({ description: "Only the templates of this channel; without it, of every channel." }).optional(),
  })
  .meta({ examples: [{}] });
export type SyncTemplates = z.output<typeof SyncTemplates>;

export const TemplateSync = z
  .object({
    object: z.literal("template_sync"),
    results: z.array(
      z
        .object({
          channel_id: idField("chan"),
          ok: z.boolean().meta({ description: "Whether the templates were fetched." }),
          templates: z.number().int().nullable().meta({ description: "How many templates the provider has; null unless `ok`." }),
          code: z.enum(sendErrorCodes).nullable().meta({ description: "Why they were not fetched; null where `ok` is true." }),
          detail: z.string().nullable().meta({ description: "An explanation for people; null where `ok` is true." }),
          provider_code: z.string().nullable().meta({ description: "The provider's own code; null where it gave none." }),
        })
        .meta({ id: "TemplateSyncResult", description: "The result for one channel: all of its templates were fetched, or none." }),
    ),
    synced_at: Timestamp.meta({ description: "When the providers were asked." }),
  })
  .meta({
    id: "TemplateSync",
    description: "The result of fetching the templates.",
    examples: [
      {
        object: "template_sync",
        results: [{ channel_id: exampleId("chan"), ok: true, templates: 12, code: null, detail: null, provider_code: null }],
        synced_at: story.noted_at,
      },
    ],
  });
export type TemplateSync = z.input<typeof TemplateSync>;
