import { exampleId, story } from "../core/story.ts";

const delivered_at = "2026-11-22T10:15:12.644Z";
const began_at = "2026-11-22T10:15:12.502Z";
const url = "https://hooks.example.com/wassla";

const endpoint = {
  id: exampleId("whe"),
  object: "webhook_endpoint",
  url,
  name: "Order system",
  event_types: ["new_message", "conversation_end"],
  channels: ["whatsapp"],
  enabled: true,
  disabled_reason: null,
  status: "active",
  failing_since: null,
  delivery_id_header: true,
  header_names: ["x-api-key"],
  created_at: story.keys_made_at,
  updated_at: story.keys_made_at,
};

const delivery = {
  id: exampleId("dlv"),
  object: "webhook_delivery",
  endpoint_id: endpoint.id,
  event_id: exampleId("evt"),
  event_type: "new_message",
  conversation_id: exampleId("conv"),
  status: "succeeded",
  attempts: 1,
  next_attempt_at: null,
  last_attempt_at: began_at,
  last_status_code: 200,
  last_error: null,
  completed_at: delivered_at,
  created_at: story.asked_at,
  updated_at: delivered_at,
};

const attempt = {
  id: exampleId("att"),
  object: "webhook_attempt",
  delivery_id: delivery.id,
  number: 1,
  trigger: "automatic",
  url,
  status_code: 200,
  error: null,
  duration_ms: 142,
  response_headers: { "content-type": "application/json" },
  response_body: '{"ok":true}',
  remote_address: "203.0.113.10",
  created_at: began_at,
};

const test = {
  object: "webhook_test",
  delivery: { ...delivery, conversation_id: null },
  attempt: { ...attempt, trigger: "test" },
};

const secret = { object: "webhook_secret", hint: "K7c=", created_at: story.keys_made_at, previous: [] };

const rotated_secret = {
  object: "webhook_secret",
  hint: "r8w=",
  created_at: story.closed_at,
  previous: [{ hint: secret.hint, created_at: secret.created_at, expires_at: "2026-11-23T10:32:50.900Z" }],
  secret: "whsec_dGhpcyBpcyBhbiBleGFtcGxlIGFuZCBubyBzZWNyZXQr8w=",
};

/** The first question of the story is told to the order system. */
export const examples = { endpoint, delivery, attempt, test, secret, rotated_secret };
