import { z } from "zod";
import { adminRead, adminWrite, router } from "../trpc/procedure.ts";
import {
  AttemptList,
  CreateEndpoint,
  DeletedEndpoint,
  DeliveryList,
  DeliveryRef,
  EndpointList,
  EndpointRef,
  ListAttempts,
  ListDeliveries,
  ListEndpoints,
  RotatedSecret,
  RotateSecret,
  WebhookDelivery,
  WebhookEndpoint,
  WebhookSecret,
} from "./contract.ts";
import { createEndpoint, judgeUrl } from "./create-endpoint.ts";
import { deleteEndpoint } from "./delete-endpoint.ts";
import { findEndpoint, listEndpoints, lockEndpoint } from "./find-endpoint.ts";
import { findDelivery, listAttempts, listDeliveries } from "./list-deliveries.ts";
import { replayDelivery } from "./replay-delivery.ts";
import { describeSecret, rotateSecret } from "./secrets.ts";

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
    description: "Makes a new secret and shows it this once. The old one signs beside it until the grace period ends.",
    input: RotateSecret,
    output: RotatedSecret,
    run: rotateSecret,
  }),
});
