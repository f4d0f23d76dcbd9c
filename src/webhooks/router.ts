import { z } from "zod";
import { Job } from "../jobs/contract.ts";
import { adminRead, adminWrite, router } from "../trpc/procedure.ts";
import {
  AttemptList,
  CreateEndpoint,
  DeletedEndpoint,
  DeliveryList,
  DeliveryRef,
  EndpointList,
  EndpointRef,
  EndpointStats,
  ListAttempts,
  ListDeliveries,
  ListEndpointDeliveries,
  ListEndpoints,
  live_secrets_at_most,
  ReplayDeliveries,
  RotatedSecret,
  RotateSecret,
  UpdateEndpoint,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookSecret,
} from "./contract.ts";
import { cancelDelivery } from "./cancel-delivery.ts";
import { createEndpoint, judgeUrl } from "./create-endpoint.ts";
import { deleteEndpoint } from "./delete-endpoint.ts";
import { describeEndpointStats } from "./endpoint-stats.ts";
import { findEndpoint, listEndpoints, lockEndpoint } from "./find-endpoint.ts";
import { findDelivery, listAttempts, listDeliveries, listEndpointDeliveries } from "./list-deliveries.ts";
import { replayDeliveries } from "./replay-deliveries.ts";
import { replayDelivery } from "./replay-delivery.ts";
import { describeSecret, expirePreviousSecrets, rotateSecret } from "./secrets.ts";
import { judgeNewUrl, updateEndpoint } from "./update-endpoint.ts";

export const webhookEndpointsRouter = router({
  create: adminWrite({
    route: "POST /v1/webhook_endpoints",
    name: "createWebhookEndpoint",
    summary: "Add a webhook endpoint",
    description: "Events of the chosen types are posted to the URL from now on, signed with the workspace's webhook secret.",
    input: CreateEndpoint,
    output: WebhookEndpoint,
    status: 201,
    location: "/v1/webhook_endpoints/{id}",
    errors: ["webhook_url_not_allowed", "limit_reached"],
    prepare: judgeUrl,
    run: createEndpoint,
  }),
  list: adminRead({
    route: "GET /v1/webhook_endpoints",
    name: "listWebhookEndpoints",
    summary: "List webhook endpoints",
    description: "The workspace's endpoints, the newest first.",
    input: ListEndpoints,
    output: EndpointList,
    errors: ["invalid_cursor"],
    run: listEndpoints,
  }),
  get: adminRead({
    route: "GET /v1/webhook_endpoints/{endpoint_id}",
    name: "getWebhookEndpoint",
    summary: "Get a webhook endpoint",
    description: "One endpoint. `failing` means that its last attempt failed; failing alone never disables it.",
    input: EndpointRef,
    output: WebhookEndpoint,
    run: findEndpoint,
  }),
  update: adminWrite({
    route: "PATCH /v1/webhook_endpoints/{endpoint_id}",
    name: "updateWebhookEndpoint",
    summary: "Change a webhook endpoint",
    description:
      "Changes what is named and leaves the rest. Disabling cancels what waits for it. Afterwards that can be replayed as `canceled`, and what happened while it was disabled as `missing`.",
    input: UpdateEndpoint,
    output: WebhookEndpoint,
    errors: ["webhook_url_not_allowed", "limit_reached"],
    current: { read: lockEndpoint, output: WebhookEndpoint },
    prepare: judgeNewUrl,
    run: updateEndpoint,
  }),
  stats: adminRead({
    route: "GET /v1/webhook_endpoints/{endpoint_id}/stats",
    name: "getWebhookEndpointStats",
    summary: "Get an endpoint's success rate",
    description: "How many attempts succeeded over the last 24 hours and the last 7 days. Tests do not count.",
    input: EndpointRef,
    output: EndpointStats,
    run: describeEndpointStats,
  }),
  deliveries: adminRead({
    route: "GET /v1/webhook_endpoints/{endpoint_id}/deliveries",
    name: "listWebhookEndpointDeliveries",
    summary: "List an endpoint's deliveries",
    description: "The delivery log of one endpoint, the newest first.",
    input: ListEndpointDeliveries,
    output: DeliveryList,
    errors: ["invalid_cursor"],
    run: listEndpointDeliveries,
  }),
  replay: adminWrite({
    route: "POST /v1/webhook_endpoints/{endpoint_id}/replay",
    name: "replayWebhookDeliveries",
    summary: "Replay an endpoint's deliveries",
    description:
      "Tries again everything that failed or was canceled, or delivers everything that is missing, in a range of time. It goes on in the background: the answer is a job, whose progress can be read.",
    input: ReplayDeliveries,
    output: Job,
    status: 202,
    location: "/v1/jobs/{id}",
    errors: ["endpoint_disabled"],
    run: replayDeliveries,
  }),
  delete: adminWrite({
    route: "DELETE /v1/webhook_endpoints/{endpoint_id}",
    name: "deleteWebhookEndpoint",
    summary: "Delete a webhook endpoint",
    description: "What waits for it is canceled. Its delivery log stays readable.",
    input: EndpointRef,
    output: DeletedEndpoint,
    current: { read: lockEndpoint, output: WebhookEndpoint },
    run: deleteEndpoint,
  }),
});

export const webhookDeliveriesRouter = router({
  list: adminRead({
    route: "GET /v1/webhook_deliveries",
    name: "listWebhookDeliveries",
    summary: "List deliveries",
    description: "The delivery log, the newest first. One delivery is one event for one endpoint.",
    input: ListDeliveries,
    output: DeliveryList,
    errors: ["invalid_cursor"],
    run: listDeliveries,
  }),
  get: adminRead({
    route: "GET /v1/webhook_deliveries/{delivery_id}",
    name: "getWebhookDelivery",
    summary: "Get a delivery",
    description: "One delivery: its status, how often it was tried, and when the next attempt is due.",
    input: DeliveryRef,
    output: WebhookDelivery,
    run: findDelivery,
  }),
  listAttempts: adminRead({
    route: "GET /v1/webhook_deliveries/{delivery_id}/attempts",
    name: "listWebhookAttempts",
    summary: "List a delivery's attempts",
    description: "Every request that was made for it, the first one first, with what the receiver answered.",
    input: ListAttempts,
    output: AttemptList,
    errors: ["invalid_cursor"],
    run: listAttempts,
  }),
  replay: adminWrite({
    route: "POST /v1/webhook_deliveries/{delivery_id}/replay",
    name: "replayWebhookDelivery",
    summary: "Replay a delivery",
    description: "Makes one more attempt now, under the same delivery id. It can be asked for again and again.",
    input: DeliveryRef,
    output: WebhookDelivery,
    status: 202,
    errors: ["delivery_in_progress", "endpoint_disabled"],
    run: replayDelivery,
  }),
  cancel: adminWrite({
    route: "POST /v1/webhook_deliveries/{delivery_id}/cancel",
    name: "cancelWebhookDelivery",
    summary: "Cancel a delivery",
    description: "Takes back an attempt that waits. Where that is a replay, the delivery stays as it had ended.",
    input: DeliveryRef,
    output: WebhookDelivery,
    errors: ["delivery_in_progress", "invalid_status_transition"],
    run: cancelDelivery,
  }),
});

export const webhookSecretRouter = router({
  get: adminRead({
    route: "GET /v1/webhook_secret",
    name: "getWebhookSecret",
    summary: "Describe the webhook secret",
    description: "Which secrets sign at this moment. The secrets themselves are shown once, when they are made.",
    input: z.strictObject({}),
    output: WebhookSecret,
    run: describeSecret,
  }),
  rotate: adminWrite({
    route: "POST /v1/webhook_secret/rotate",
    name: "rotateWebhookSecret",
    summary: "Rotate the webhook secret",
    description: `Makes a new secret and shows it this once. The old one signs beside it until the grace period ends. At most ${live_secrets_at_most} sign at once: with that many a rotation is refused, unless its own grace period is 0.`,
    input: RotateSecret,
    output: RotatedSecret,
    errors: ["limit_reached"],
    run: rotateSecret,
  }),
  expirePrevious: adminWrite({
    route: "POST /v1/webhook_secret/expire_previous",
    name: "expirePreviousWebhookSecret",
    summary: "End the grace period",
    description: "From now on only the current secret signs: for when every receiver has followed, or the old secret has leaked.",
    input: z.strictObject({}),
    output: WebhookSecret,
    run: expirePreviousSecrets,
  }),
});
