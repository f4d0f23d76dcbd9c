import { z } from "zod";
import { sendErrorCodes } from "../channels/contract.ts";
import { idField, listOf, pageInput, textField, Timestamp } from "../core/fields.ts";

export const TemplateName = textField(512, z.string().min(1)).meta({ description: "The template's name.", examples: ["order_shipped"] });
export const TemplateLanguage = textField(20, z.string().min(1)).meta({
  description: "Exactly as the template has it: `en` is not `en_US`.",
  examples: ["en"],
});
export const TemplateVariables = z
  .record(textField(100, z.string().min(1)), textField(2048))
  .refine((variables) => Object.keys(variables).length <= 100, { error: "Must have at most 100 variables.", params: { code: "too_large" } })
  .meta({
    description:
      "A value for each of the template's `parameters`, by its `key`: `1` or `first_name` in the body, `header.1` in the header, `header` for its file (an https URL), `button.0` for the end of a button's URL or its code.",
    examples: [{ "1": "Sara", "2": "A-1007", "button.0": "A-1007" }],
  });
export type TemplateVariables = z.infer<typeof TemplateVariables>;

export const ParameterFormat = z.enum(["positional", "named"]).meta({ description: "How the body's parameters are called." });
export type ParameterFormat = z.infer<typeof ParameterFormat>;

const Component = z
  .object({
    type: z.enum(["header", "body", "footer", "buttons", "unsupported"]),
    format: z.enum(["text", "image", "video", "document"]).optional(),
    text: z.string().optional(),
    name: z.string().optional().meta({ description: "What WhatsApp calls a part that cannot be sent from here." }),
    buttons: z
      .array(
        z.object({
          type: z.enum(["url", "quick_reply", "phone_number", "copy_code", "other"]),
          text: z.string(),
          target: z.string().nullable().meta({ description: "Where it leads, or whom it calls." }),
        }),
      )
      .optional(),
  })
  .meta({ id: "TemplateComponent", description: "A part of a template, as it was approved." });

export const TemplateParameter = z
  .object({
    key: z.string().meta({ description: "What it is called in `variables`.", examples: ["1"] }),
    component: z.enum(["header", "body", "button"]),
    kind: z.enum(["text", "image", "video", "document", "url", "copy_code"]).meta({ description: "A file is given by its https URL." }),
  })
  .meta({ id: "TemplateParameter", description: "A variable that must be given." });
export type TemplateParameter = z.infer<typeof TemplateParameter>;

export const Template = z
  .object({
    id: idField("tmpl"),
    object: z.literal("template"),
    account_id: z.string().meta({ description: "The WhatsApp Business account that owns it.", examples: ["102290129340398"] }),
    name: z.string().meta({ examples: ["order_shipped"] }),
    language: z.string().meta({ examples: ["en"] }),
    category: z
      .string()
      .nullable()
      .meta({ description: "WhatsApp's own word.", examples: ["UTILITY"] }),
    status: z.string().meta({
      description: "WhatsApp's own word. Only `APPROVED` can be sent; `DELETED` is one that is there no more.",
      examples: ["APPROVED"],
    }),
    quality: z
      .string()
      .nullable()
      .meta({ description: "WhatsApp's own word.", examples: ["GREEN"] }),
    rejected_reason: z.string().nullable(),
    parameter_format: ParameterFormat,
    parameters: z.array(TemplateParameter).meta({ description: "What `variables` must give, and nothing else." }),
    components: z.array(Component).meta({ examples: [[{ type: "body", text: "Hello {{1}}, your order {{2}} is on its way." }]] }),
    synced_at: Timestamp.meta({ description: "As of when this is known." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Template", description: "A message that WhatsApp approved beforehand, in one language." });
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
  channel_id: idField("chan").meta({ description: "Those that this channel can send." }).optional(),
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
      .object({ format: z.enum(["text", "image", "video", "document"]), text: z.string().nullable(), url: z.string().nullable() })
      .nullable(),
    body: z
      .string()
      .nullable()
      .meta({ examples: ["Hello Sara, your order A-1007 is on its way."] }),
    footer: z.string().nullable(),
    buttons: z.array(z.object({ type: z.string(), text: z.string(), target: z.string().nullable() })),
    text: z.string().meta({ description: "All of it as one text: what a message that is sent by it keeps." }),
  })
  .meta({ id: "TemplatePreview", description: "What a template says, with its variables." });
export type TemplatePreview = z.input<typeof TemplatePreview>;

export const SyncTemplates = z
  .strictObject({ channel_id: idField("chan").meta({ description: "Only this channel's; without it, every channel's." }).optional() })
  .meta({ examples: [{}] });
export type SyncTemplates = z.output<typeof SyncTemplates>;

export const TemplateSync = z
  .object({
    object: z.literal("template_sync"),
    results: z.array(
      z
        .object({
          channel_id: idField("chan"),
          ok: z.boolean(),
          templates: z
            .number()
            .int()
            .nullable()
            .meta({ description: "How many the provider has; null where it did not tell.", examples: [12] }),
          code: z.enum(sendErrorCodes).nullable(),
          detail: z.string().nullable(),
          provider_code: z.string().nullable(),
        })
        .meta({ id: "TemplateSyncResult", description: "All of a channel's templates, or why there were none: never a part of them." }),
    ),
    synced_at: Timestamp,
  })
  .meta({ id: "TemplateSync", description: "What came of asking for the templates." });
export type TemplateSync = z.input<typeof TemplateSync>;
