import { z } from "zod";
import { ChannelKind } from "../channels/contract.ts";
import { idField, listOf, Moment, pageInput, Timestamp } from "../core/fields.ts";
import { attemptErrors } from "../core/poster.ts";
import { HeaderPatch } from "./endpoint-headers.ts";

export const EventName = z
  .enum(["new_message", "conversation_end", "tool_call", "sentiment_result"])
  .meta({ id: "EventType", description: "What happened." });
export type EventName = z.infer<typeof EventName>;

export const DisabledReason = z
  .enum(["gone"])
  .meta({ description: "`gone`: the receiver answered 410, which asks never to be called again." });
export type DisabledReason = z.infer<typeof DisabledReason>;

export const WebhookEndpoint = z
  .object({
    id: idField("whe"),
    object: z.literal("webhook_endpoint"),
    url: z.string(),
    name: z.string().nullable(),
    event_types: z.array(EventName),
    channels: z.array(ChannelKind).nullable().meta({ description: "Null: every channel." }),
    enabled: z.boolean(),
    disabled_reason: DisabledReason.nullable(),
    status: z
      .enum(["active", "failing", "disabled"])
      .meta({ description: "`failing`: its last attempt failed. Failing alone disables nothing." }),
    failing_since: Timestamp.nullable(),
    delivery_id_header: z.boolean(),
    header_names: z
      .array(z.string())
      .meta({ description: "Which headers of your own are sent; their values are not shown.", examples: [["x-api-key"]] }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "WebhookEndpoint", description: "A URL that events are posted to." });
export type WebhookEndpoint = z.input<typeof WebhookEndpoint>;

export const EndpointRef = z.strictObject({ endpoint_id: idField("whe") });
export type EndpointRef = z.output<typeof EndpointRef>;

const Url = z
  .string()
  .min(1)
  .max(2048)
  .meta({ description: "https, public addresses only.", examples: ["https://hooks.example.com/wassla"] });
const EventTypes = z.array(EventName).min(1).max(20).meta({ description: "What to be told of." });
const Channels = z.array(ChannelKind).min(1).meta({ description: "Only of these channels; without it, of all." });
const Name = z.string().trim().min(1).max(100);
const DeliveryIdHeader = z
  .boolean()
  .meta({ description: "Send `delivery_id` beside `webhook-id`. Turn it off where a gateway refuses names with an underscore." });

export const CreateEndpoint = z
  .strictObject({
    url: Url,
    event_types: EventTypes,
    channels: Channels.optional(),
    name: Name.optional(),
    headers: HeaderPatch.optional(),
    enabled: z.boolean().default(true),
    delivery_id_header: DeliveryIdHeader.default(true),
  })
  .meta({ id: "CreateWebhookEndpoint" });
export type CreateEndpoint = z.output<typeof CreateEndpoint>;

export const UpdateEndpoint = EndpointRef.extend({
  url: Url.optional(),
  event_types: EventTypes.optional(),
  channels: Channels.nullable().meta({ description: "Null: every channel." }).optional(),
  name: Name.nullable().optional(),
  headers: HeaderPatch.optional(),
  enabled: z
    .boolean()
    .meta({ description: "False cancels what waits for it. True also puts one to work again whose receiver answered 410." })
    .optional(),
  delivery_id_header: DeliveryIdHeader.optional(),
});
export type UpdateEndpoint = z.output<typeof UpdateEndpoint>;

export const ListEndpoints = z.strictObject(pageInput);
export type ListEndpoints = z.output<typeof ListEndpoints>;
export const EndpointList = listOf(WebhookEndpoint, "WebhookEndpointList");

export const DeletedEndpoint = z
  .object({ id: idField("whe"), object: z.literal("webhook_endpoint"), deleted: z.literal(true) })
  .meta({ id: "DeletedWebhookEndpoint" });

export const DeliveryStatus = z
  .enum(["pending", "delivering", "succeeded", "failed", "canceled"])
  .meta({ description: "`pending`: waits for its first or next attempt; `failed`: every attempt of the schedule did." });
export type DeliveryStatus = z.infer<typeof DeliveryStatus>;
/** On disk a pending delivery is `ready` (may be claimed) or `scheduled` (a later retry). */
export type StoredDeliveryStatus = Exclude<DeliveryStatus, "pending"> | "ready" | "scheduled";

export const AttemptError = z.enum(attemptErrors).meta({
  description:
    "Why an attempt failed. `service_error`: not the receiver's fault: the service could not read what it signs with or the endpoint's own headers, and sent nothing.",
});

export const Trigger = z
  .enum(["automatic", "manual", "test"])
  .meta({ description: "`manual`: a replay, which somebody asked for; `test`: an example, which somebody asked for." });
export type Trigger = z.infer<typeof Trigger>;

export const WebhookDelivery = z
  .object({
    id: idField("dlv").meta({ description: "Also the `webhook-id` header: the same on every attempt." }),
    object: z.literal("webhook_delivery"),
    endpoint_id: idField("whe"),
    event_id: idField("evt"),
    event_type: EventName,
    conversation_id: idField("conv").nullable(),
    status: DeliveryStatus,
    attempts: z.number().int(),
    next_attempt_at: Timestamp.nullable(),
    last_attempt_at: Timestamp.nullable(),
    last_status_code: z.number().int().nullable(),
    last_error: AttemptError.nullable(),
    completed_at: Timestamp.nullable(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "WebhookDelivery", description: "One event for one endpoint." });
export type WebhookDelivery = z.input<typeof WebhookDelivery>;

export const DeliveryRef = z.strictObject({ delivery_id: idField("dlv") });
export type DeliveryRef = z.output<typeof DeliveryRef>;

const several = "One or more; repeat the parameter.";

export const ResponseClass = z
  .enum(["2xx", "3xx", "4xx", "5xx", "none"])
  .meta({ description: "What was answered to the last attempt; `none`: it was made, and no response came." });
export type ResponseClass = z.infer<typeof ResponseClass>;

const deliveryFilters = {
  status: z.array(DeliveryStatus).meta({ description: several }).optional(),
  event_type: z.array(EventName).meta({ description: several }).optional(),
  response_class: z.array(ResponseClass).meta({ description: several }).optional(),
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
    number: z.number().int(),
    trigger: Trigger,
    url: z.string(),
    status_code: z.number().int().nullable(),
    error: AttemptError.nullable(),
    duration_ms: z.number().int(),
    response_headers: z.record(z.string(), z.string()).nullable(),
    response_body: z.string().nullable().meta({ description: "The first 4 KiB." }),
    remote_address: z.string().nullable(),
    created_at: Timestamp,
  })
  .meta({ id: "WebhookAttempt", description: "One request that was made, and what came of it." });
export type WebhookAttempt = z.input<typeof WebhookAttempt>;

export const ListAttempts = DeliveryRef.extend({
  trigger: z.array(Trigger).meta({ description: several }).optional(),
  error: z.array(AttemptError).meta({ description: several }).optional(),
  response_class: z.array(ResponseClass).meta({ description: several }).optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
  ...pageInput,
});
export type ListAttempts = z.output<typeof ListAttempts>;
export const AttemptList = listOf(WebhookAttempt, "WebhookAttemptList");

export const TestEndpoint = EndpointRef.extend({
  event_type: EventName.meta({
    description: "Which example to send; without it, of the first type that the endpoint is told of.",
  }).optional(),
});
export type TestEndpoint = z.output<typeof TestEndpoint>;

export const WebhookTest = z
  .object({
    object: z.literal("webhook_test"),
    delivery: WebhookDelivery,
    attempt: WebhookAttempt.nullable().meta({ description: "What came of it; null while it is still on its way." }),
  })
  .meta({ id: "WebhookTest", description: "An example that was posted, and what the receiver answered." });
export type WebhookTest = z.input<typeof WebhookTest>;

export const ReplayDeliveries = EndpointRef.extend({
  deliveries: z.enum(["failed", "missing"]).meta({
    description:
      "`failed`: one more attempt of each that has failed; `missing`: a delivery of each event that the endpoint was not told of, for instance while it was disabled.",
  }),
  since: Moment.meta({ description: "Only what happened from then on; not longer ago than events are kept." }),
  until: Moment.meta({ description: "Only what happened before; without it, before now." }).optional(),
});
export type ReplayDeliveries = z.output<typeof ReplayDeliveries>;

const Score = z.object({
  attempts: z.number().int(),
  succeeded: z.number().int(),
  failed: z.number().int(),
  success_rate: z
    .number()
    .min(0)
    .max(1)
    .nullable()
    .meta({ description: "Null where nothing was attempted.", examples: [0.995] }),
});

export const EndpointStats = z
  .object({
    object: z.literal("webhook_endpoint_stats"),
    endpoint_id: idField("whe"),
    last_24_hours: Score.meta({ description: "Counted by the hour (UTC): this one and the 23 before it." }),
    last_7_days: Score.meta({ description: "Counted by the hour (UTC): this one and the 167 before it." }),
  })
  .meta({ id: "WebhookEndpointStats", description: "How an endpoint fares. Tests do not count." });
export type EndpointStats = z.input<typeof EndpointStats>;

export const WebhookSecret = z
  .object({
    object: z.literal("webhook_secret"),
    hint: z.string().meta({ description: "Its last four characters." }),
    created_at: Timestamp,
    previous: z
      .array(z.object({ hint: z.string(), created_at: Timestamp, expires_at: Timestamp }))
      .meta({ description: "Earlier secrets that still sign until they expire." }),
  })
  .meta({ id: "WebhookSecret", description: "What webhooks are signed with. The secret itself is shown once, when it is made." });
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
      .meta({ description: "How long the secret that is replaced goes on signing beside the new one: at most seven days." }),
  })
  .meta({ id: "RotateWebhookSecret" });
export type RotateSecret = z.output<typeof RotateSecret>;

export const RotatedSecret = WebhookSecret.extend({
  secret: z.string().meta({ description: "`whsec_` and base64. Shown this once." }),
}).meta({ id: "RotatedWebhookSecret", description: "The new secret, in full, this once." });
