import { z } from "zod";
import { ChannelKind } from "../channels/contract.ts";
import { idField, listOf, Moment, pageInput, several, Timestamp } from "../core/fields.ts";
import { attemptErrors } from "../core/poster.ts";
import { story } from "../core/story.ts";
import { HeaderPatch } from "./endpoint-headers.ts";
import { examples } from "./examples.ts";

export const EventName = z
  .enum(["new_message", "conversation_end", "tool_call", "sentiment_result"])
  .meta({ id: "EventType", description: "What happened.", examples: ["new_message"] });
export type EventName = z.infer<typeof EventName>;

export const DisabledReason = z
  .enum(["gone"])
  .meta({ description: "`gone`: the receiver answered 410, which means that it wants no more requests." });
export type DisabledReason = z.infer<typeof DisabledReason>;

export const WebhookEndpoint = z
  .object({
    id: idField("whe"),
    object: z.literal("webhook_endpoint"),
    url: z.string().meta({ description: "Where events are posted to." }),
    name: z.string().nullable().meta({ description: "What people call it; null: no name." }),
    event_types: z.array(EventName).meta({ description: "The events that are posted to it." }),
    channels: z.array(ChannelKind).nullable().meta({ description: "Only events of these channels; null: of every channel." }),
    enabled: z.boolean().meta({ description: "Whether events are posted to it." }),
    disabled_reason: DisabledReason.nullable().meta({
      description: "Why it was disabled without your doing: `gone`, the receiver answered 410. Null otherwise.",
    }),
    status: z.enum(["active", "failing", "disabled"]).meta({
      description:
        "`active`: its last attempt succeeded, or there was none; `failing`: its last attempt failed; `disabled`: nothing is posted. Failing never disables an endpoint.",
    }),
    failing_since: Timestamp.nullable().meta({
      description: "When attempts began to fail without a success since; null: the last one succeeded.",
    }),
    delivery_id_header: z.boolean().meta({ description: "Whether the header `delivery_id` is sent beside `webhook-id`." }),
    header_names: z.array(z.string()).meta({
      description:
        "The names of your own headers that are sent; their values are never shown. Empty too where the service can read them no more, and deliveries fail with `service_error`: set them again.",
    }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({
    id: "WebhookEndpoint",
    description: "A URL that events are posted to.",
    examples: [examples.endpoint],
  });
export type WebhookEndpoint = z.input<typeof WebhookEndpoint>;

export const EndpointRef = z.strictObject({ endpoint_id: idField("whe") });
export type EndpointRef = z.output<typeof EndpointRef>;

const Url = z
  .string()
  .min(1)
  .max(2048)
  .meta({ description: "An https URL whose host has public addresses only.", examples: ["https://hooks.example.com/wassla"] });
const EventTypes = z
  .array(EventName)
  .min(1)
  .max(20)
  .meta({ description: "The events to post.", examples: [["new_message", "conversation_end"]] });
const Channels = z.array(ChannelKind).min(1).meta({ description: "Only events of these channels; without it, of every channel." });
const Name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .meta({ description: "What people call it.", examples: ["Order system"] });
const DeliveryIdHeader = z.boolean().meta({
  description:
    "Whether to send the header `delivery_id` beside `webhook-id`. Turn it off where a gateway refuses names with an underscore.",
});

export const CreateEndpoint = z
  .strictObject({
    url: Url,
    event_types: EventTypes,
    channels: Channels.optional(),
    name: Name.optional(),
    headers: HeaderPatch.optional(),
    enabled: z.boolean().default(true).meta({ description: "Whether events are posted to it." }),
    delivery_id_header: DeliveryIdHeader.default(true),
  })
  .meta({ id: "CreateWebhookEndpoint" });
export type CreateEndpoint = z.output<typeof CreateEndpoint>;

export const UpdateEndpoint = EndpointRef.extend({
  url: Url.optional(),
  event_types: EventTypes.optional(),
  channels: Channels.nullable()
    .meta({ description: "Only events of these channels; null: of every channel.", examples: [["whatsapp"]] })
    .optional(),
  name: Name.nullable()
    .meta({ description: "What people call it; null removes it.", examples: ["Order system"] })
    .optional(),
  headers: HeaderPatch.optional(),
  enabled: z
    .boolean()
    .meta({
      description: "False disables it and cancels the deliveries that wait for it. True enables it, also after its receiver answered 410.",
    })
    .optional(),
  delivery_id_header: DeliveryIdHeader.optional(),
});
export type UpdateEndpoint = z.output<typeof UpdateEndpoint>;

export const ListEndpoints = z.strictObject(pageInput);
export type ListEndpoints = z.output<typeof ListEndpoints>;
export const EndpointList = listOf(WebhookEndpoint, "WebhookEndpointList");

export const DeletedEndpoint = z
  .object({ id: idField("whe"), object: z.literal("webhook_endpoint"), deleted: z.literal(true) })
  .meta({ id: "DeletedWebhookEndpoint", description: "Which endpoint was deleted." });

export const DeliveryStatus = z.enum(["pending", "delivering", "succeeded", "failed", "canceled"]).meta({
  id: "WebhookDeliveryStatus",
  description:
    "`pending`: waits for its first or next attempt; `delivering`: an attempt is being made; `succeeded`: the receiver answered 2xx; `failed`: no further attempt will be made, because the schedule is used up, the receiver answered 410, or it was a test; `canceled`: it was called off, or its endpoint was disabled or deleted.",
});
export type DeliveryStatus = z.infer<typeof DeliveryStatus>;
/** On disk a pending delivery is `ready` (may be claimed) or `scheduled` (a later retry). */
export type StoredDeliveryStatus = Exclude<DeliveryStatus, "pending"> | "ready" | "scheduled";

export const AttemptError = z.enum(attemptErrors).meta({
  id: "WebhookAttemptError",
  description:
    "Why an attempt failed. `non_2xx`: the receiver answered with another status; `blocked_address`: the URL leads to an address that is not public; `service_error`: not the receiver's fault: the service could not read what it signs with or the endpoint's own headers, or did not get through its own proxy, and sent nothing; the others: no complete answer came.",
  examples: ["timeout"],
});

export const Trigger = z.enum(["automatic", "manual", "test"]).meta({
  id: "WebhookAttemptTrigger",
  description: "`automatic`: by the schedule; `manual`: by a replay; `test`: an example, by a test of the endpoint.",
});
export type Trigger = z.infer<typeof Trigger>;

export const WebhookDelivery = z
  .object({
    id: idField("dlv").meta({ description: "Id of the delivery, and its `webhook-id` header: the same on every attempt." }),
    object: z.literal("webhook_delivery"),
    endpoint_id: idField("whe"),
    event_id: idField("evt"),
    event_type: EventName,
    conversation_id: idField("conv").nullable().meta({ description: "The conversation the event is about; null for a test." }),
    status: DeliveryStatus,
    attempts: z.number().int().meta({ description: "How many attempts were made, replays included." }),
    next_attempt_at: Timestamp.nullable().meta({ description: "When the next attempt is due; null unless `status` is `pending`." }),
    last_attempt_at: Timestamp.nullable().meta({ description: "When the last attempt began; null before the first." }),
    last_status_code: z.number().int().nullable().meta({ description: "The HTTP status of the last attempt; null where no answer came." }),
    last_error: AttemptError.nullable().meta({ description: "Why the last attempt failed; null if it succeeded, or before the first." }),
    completed_at: Timestamp.nullable().meta({ description: "When it became `succeeded`, `failed` or `canceled`; null before." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "WebhookDelivery", description: "One event for one endpoint, with all its attempts.", examples: [examples.delivery] });
export type WebhookDelivery = z.input<typeof WebhookDelivery>;

export const DeliveryRef = z.strictObject({ delivery_id: idField("dlv") });
export type DeliveryRef = z.output<typeof DeliveryRef>;

export const ResponseClass = z.enum(["2xx", "3xx", "4xx", "5xx", "none"]).meta({
  id: "WebhookResponseClass",
  description: "The answer to the last attempt, by the first digit of its status; `none`: an attempt was made, and no answer came.",
});
export type ResponseClass = z.infer<typeof ResponseClass>;

const deliveryFilters = {
  status: several(DeliveryStatus),
  event_type: several(EventName),
  response_class: several(ResponseClass),
  event_id: idField("evt").optional(),
  conversation_id: idField("conv").optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
  ...pageInput,
};

export const ListDeliveries = z.strictObject({ endpoint_id: idField("whe").optional(), ...deliveryFilters });
export type ListDeliveries = z.output<typeof ListDeliveries>;
export const ListEndpointDeliveries = EndpointRef.extend(deliveryFilters);
export type ListEndpointDeliveries = z.output<typeof ListEndpointDeliveries>;
export const DeliveryList = listOf(WebhookDelivery, "WebhookDeliveryList");

export const WebhookAttempt = z
  .object({
    id: idField("att"),
    object: z.literal("webhook_attempt"),
    delivery_id: idField("dlv"),
    number: z.number().int().meta({ description: "1 for the delivery's first attempt, 2 for the next, and so on." }),
    trigger: Trigger,
    url: z.string().meta({ description: "The endpoint's URL at that time." }),
    status_code: z.number().int().nullable().meta({ description: "The HTTP status of the answer; null where none came." }),
    error: AttemptError.nullable().meta({ description: "Why it failed; null: it succeeded." }),
    duration_ms: z.number().int().meta({ description: "How long it took, in milliseconds." }),
    response_headers: z.record(z.string(), z.string()).nullable().meta({
      description: "The headers of the answer, their first 4,096 characters; null where none came.",
    }),
    response_body: z.string().nullable().meta({ description: "The first 4 KiB of the answer's body; null where none came." }),
    remote_address: z.string().nullable().meta({ description: "The IP address that was connected to; null where no connection was made." }),
    created_at: Timestamp,
  })
  .meta({ id: "WebhookAttempt", description: "One request to the receiver, and its result.", examples: [examples.attempt] });
export type WebhookAttempt = z.input<typeof WebhookAttempt>;

export const ListAttempts = DeliveryRef.extend({
  trigger: several(Trigger),
  error: several(AttemptError),
  response_class: several(ResponseClass),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
  ...pageInput,
});
export type ListAttempts = z.output<typeof ListAttempts>;
export const AttemptList = listOf(WebhookAttempt, "WebhookAttemptList");

export const TestEndpoint = EndpointRef.extend({
  event_type: EventName.meta({
    description: "Which example to send; without it, that of the first of the endpoint's `event_types`.",
  }).optional(),
});
export type TestEndpoint = z.output<typeof TestEndpoint>;

export const WebhookTest = z
  .object({
    object: z.literal("webhook_test"),
    delivery: WebhookDelivery,
    attempt: WebhookAttempt.nullable().meta({ description: "The attempt and its result; null while it is still under way." }),
  })
  .meta({
    id: "WebhookTest",
    description: "An example that was posted, and what the receiver answered.",
    examples: [examples.test],
  });
export type WebhookTest = z.input<typeof WebhookTest>;

export const ReplayDeliveries = EndpointRef.extend({
  deliveries: z.enum(["failed", "canceled", "missing"]).meta({
    description:
      "`failed`: one more attempt for each failed delivery; `canceled`: one for each canceled delivery, for instance those that waited when it was disabled; `missing`: a delivery for each event that has none for this endpoint, for instance because it was disabled.",
  }),
  since: Moment.meta({ description: "Start of the range, inclusive; at most as far back as events are kept.", examples: [story.asked_at] }),
  until: Moment.meta({ description: "End of the range, exclusive; default: now.", examples: [story.closed_at] }).optional(),
});
export type ReplayDeliveries = z.output<typeof ReplayDeliveries>;

const Score = z.object({
  attempts: z
    .number()
    .int()
    .meta({ description: "How many were made.", examples: [200] }),
  succeeded: z
    .number()
    .int()
    .meta({ description: "How many of them succeeded.", examples: [199] }),
  failed: z
    .number()
    .int()
    .meta({ description: "How many of them failed.", examples: [1] }),
  success_rate: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .meta({ description: "`succeeded` divided by `attempts`, from 0 to 1; null where nothing was attempted.", examples: [0.995] }),
});

export const EndpointStats = z
  .object({
    object: z.literal("webhook_endpoint_stats"),
    endpoint_id: idField("whe"),
    last_24_hours: Score.meta({ description: "Counted by the hour (UTC): this one and the 23 before it." }),
    last_7_days: Score.meta({ description: "Counted by the hour (UTC): this one and the 167 before it." }),
  })
  .meta({ id: "WebhookEndpointStats", description: "How many attempts to an endpoint succeeded. Tests do not count." });
export type EndpointStats = z.input<typeof EndpointStats>;

export const WebhookSecret = z
  .object({
    object: z.literal("webhook_secret"),
    hint: z.string().meta({ description: "The secret's last four characters." }),
    created_at: Timestamp,
    previous: z
      .array(
        z.object({
          hint: z.string().meta({ description: "The secret's last four characters." }),
          created_at: Timestamp,
          expires_at: Timestamp.meta({ description: "Until when it signs." }),
        }),
      )
      .meta({ description: "Earlier secrets, which sign beside it until they expire." }),
  })
  .meta({
    id: "WebhookSecret",
    description: "What webhooks are signed with. The secret itself is shown once, when it is created.",
    examples: [examples.secret],
  });
export type WebhookSecret = z.input<typeof WebhookSecret>;

/** Each adds a signature to every request, and receivers bound their headers. */
export const live_secrets_at_most = 5;

export const RotateSecret = z
  .strictObject({
    grace_period_seconds: z
      .number()
      .int()
      .min(0)
      .max(604_800)
      .default(86_400)
      .meta({ description: "How long the present secret goes on signing beside the new one: at most seven days." }),
  })
  .meta({ id: "RotateWebhookSecret" });
export type RotateSecret = z.output<typeof RotateSecret>;

export const RotatedSecret = WebhookSecret.extend({
  secret: z.string().meta({ description: "`whsec_` and base64. It is shown only in this answer." }),
}).meta({
  id: "RotatedWebhookSecret",
  description: "The new secret, which is shown in full only in this answer.",
  examples: [examples.rotated_secret],
});
