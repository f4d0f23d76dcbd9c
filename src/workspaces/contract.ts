import { z } from "zod";
import { HandlerMode } from "../conversations/contract.ts";
import { idField, textField, Timestamp } from "../core/fields.ts";
import { exampleId, story } from "../core/story.ts";
import { TimeZone } from "../core/time-zone.ts";

const Name = textField(100, z.string().trim().min(1)).meta({ description: "What the business is called.", examples: ["Nile Flowers"] });

const Timezone = TimeZone.meta({ description: "The name of an IANA time zone.", examples: ["Africa/Cairo"] });

export const WhatsappTemplates = z.enum(["anytime", "open_window_only"]).meta({
  description:
    "When templates may be sent: `anytime`, as WhatsApp allows, or `open_window_only`, while the contact's 24-hour window is open.",
});
export type WhatsappTemplates = z.infer<typeof WhatsappTemplates>;

const agentFields = {
  name: textField(80, z.string().trim().min(1)).meta({ description: "The name the agent uses for itself.", examples: ["Nour"] }),
  instructions: textField(8000, z.string().trim().min(1))
    .nullable()
    .meta({
      description: "What the agent is told about the business and about how to answer; null: nothing.",
      examples: ["Be brief. Never promise a refund."],
    }),
  language: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, "Must be a language tag such as `ar` or `en-GB`")
    .max(35)
    .nullable()
    .meta({ description: "The language it answers in (a BCP 47 tag); null: the customer's language.", examples: ["ar"] }),
};

export const AgentSettings = z.object(agentFields).meta({ id: "AgentSettings", description: "The AI agent of this workspace." });
export type AgentSettings = z.infer<typeof AgentSettings>;

const InactivityTimeout = z
  .number()
  .int()
  .min(1)
  .max(43_200)
  .nullable()
  .meta({
    description:
      "After how many minutes without a message an `open` conversation is closed as `timed_out`: at most 43,200, which is 30 days. Null: never. It also applies to conversations that are open already.",
    examples: [1440],
  });

const settings = {
  name: Name,
  timezone: Timezone,
  inactivity_timeout_minutes: InactivityTimeout,
  default_handler_mode: HandlerMode.meta({
    description: "Who answers in a new conversation, unless the request that starts it says otherwise.",
    examples: ["unassigned"],
  }),
  sentiment_enabled: z.boolean().meta({ description: "Whether conversations get a sentiment score." }),
  api_rate_limit_per_minute: z
    .number()
    .int()
    .min(60)
    .max(60_000)
    .meta({
      description: "How many requests a minute all API keys together may make. A change applies from the next request on.",
      examples: [600],
    }),
  whatsapp_templates: WhatsappTemplates,
  event_retention_days: z
    .number()
    .int()
    .min(1)
    .max(365)
    .meta({
      description:
        "For how many days events, their deliveries and attempts are kept. After it is shortened, what is older is deleted soon.",
      examples: [30],
    }),
};

export const Workspace = z
  .object({
    id: idField("ws"),
    object: z.literal("workspace"),
    name: Name,
    timezone: Timezone,
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({
    id: "Workspace",
    description: "The business that the API key belongs to.",
    examples: [
      {
        id: exampleId("ws"),
        object: "workspace",
        name: "Nile Flowers",
        timezone: "Africa/Cairo",
        created_at: story.keys_made_at,
        updated_at: story.keys_made_at,
      },
    ],
  });
export type Workspace = z.input<typeof Workspace>;

export const WorkspaceSettings = z
  .object({ object: z.literal("workspace_settings"), ...settings, agent: AgentSettings, updated_at: Timestamp })
  .meta({
    id: "WorkspaceSettings",
    description: "The settings of the workspace.",
    examples: [
      {
        object: "workspace_settings",
        name: "Nile Flowers",
        timezone: "Africa/Cairo",
        inactivity_timeout_minutes: 1440,
        default_handler_mode: "unassigned",
        sentiment_enabled: true,
        api_rate_limit_per_minute: 600,
        whatsapp_templates: "anytime",
        event_retention_days: 30,
        agent: { name: "Nour", instructions: "Be brief. Never promise a refund.", language: "ar" },
        updated_at: story.keys_made_at,
      },
    ],
  });
export type WorkspaceSettings = z.input<typeof WorkspaceSettings>;

const optional = <T extends Record<string, z.ZodType>>(fields: T) =>
  Object.fromEntries(Object.entries(fields).map(([field, form]) => [field, form.optional()])) as { [F in keyof T]: z.ZodOptional<T[F]> };

export const UpdateSettings = z.strictObject({
  ...optional(settings),
  agent: z.strictObject(optional(agentFields)).meta({ description: "Changed field by field: one that is not named stays." }).optional(),
});
export type UpdateSettings = z.output<typeof UpdateSettings>;
