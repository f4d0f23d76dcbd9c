/** What the document says of chapters, headers and parameters that belong to no operation of their own. */

const of_events = {
  name: "Events",
  description:
    "What happened, as it is posted to webhooks. Events can also be polled; they are kept for the workspace's `event_retention_days` (30 unless changed).",
};
const of_usage = { name: "Usage", description: "What the workspace used, what it cost, and the credits that remain." };

/** The path's first segment decides the chapter. */
export const chapters: Record<string, { name: string; description: string }> = {
  me: { name: "Identity", description: "The API key that makes the request, and its limits." },
  rate_limit: { name: "Identity", description: "The API key that makes the request, and its limits." },
  api_keys: {
    name: "API keys",
    description: "The workspace's API keys. They are created in the portal, so that a leaked key cannot create another.",
  },
  audit_log: { name: "Audit log", description: "Who did what. Entries are never changed or deleted." },
  workspace: { name: "Workspace", description: "The business, and its settings." },
  channels: { name: "Channels", description: "The accounts at providers over which customers reach the workspace." },
  conversations: { name: "Conversations", description: "Exchanges with contacts, on every channel." },
  contacts: { name: "Contacts", description: "The people who write to the business." },
  notes: { name: "Notes", description: "Internal notes of the team: no customer and no provider ever sees them." },
  tickets: { name: "Tickets", description: "Tasks to be done for customers, whichever conversation they came from." },
  team_members: { name: "Team", description: "The people who answer the business's customers." },
  messages: { name: "Messages", description: "Messages, in and out." },
  templates: {
    name: "Templates",
    description: "Messages that WhatsApp approves beforehand, which may be sent outside the 24-hour window.",
  },
  events: of_events,
  event_types: of_events,
  webhook_endpoints: { name: "Webhook endpoints", description: "URLs that events are posted to." },
  webhook_deliveries: { name: "Webhook deliveries", description: "The delivery log, and replay." },
  jobs: { name: "Jobs", description: "Work in the background, and how far it is." },
  usage: of_usage,
  billing: of_usage,
  analytics: { name: "Analytics", description: "Figures about conversations, in any time zone." },
  webhook_secret: { name: "Webhook secret", description: "What webhooks are signed with." },
};

export const headers = {
  RequestId: { description: "The id of this request; give it to support when you ask about it.", schema: { type: "string" } },
  RateLimitPolicy: { description: "The quota and the length in seconds of each of the three windows.", schema: { type: "string" } },
  RateLimit: { description: "For each window, how many requests remain and the seconds until it resets.", schema: { type: "string" } },
  XRateLimitLimit: { description: "How many requests a minute this API key may make.", schema: { type: "integer" } },
  XRateLimitRemaining: { description: "How many of them remain in this minute.", schema: { type: "integer" } },
  XRateLimitReset: { description: "Seconds until the next window begins.", schema: { type: "integer" } },
  RetryAfter: { description: "How many whole seconds to wait before trying again.", schema: { type: "integer" } },
  Location: { description: "Where the new resource can be read.", schema: { type: "string" } },
  ETag: { description: "The strong entity tag of the resource in its present state.", schema: { type: "string" } },
  IdempotentReplayed: {
    description: "`true`: this is the stored answer to an earlier request with the same `Idempotency-Key`.",
    schema: { type: "string" },
  },
  WwwAuthenticate: { description: "The challenge (RFC 6750).", schema: { type: "string" } },
};

export const parameters = {
  IdempotencyKey: {
    in: "header",
    name: "Idempotency-Key",
    description:
      "Makes it safe to repeat the request: within 24 hours the same key with the same body gets the same answer, and the effect happens once. Printable ASCII characters and no spaces.",
    schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[\\x21-\\x7e]+$", examples: ["order-A-1007-reply-1"] },
  },
  IfNoneMatch: {
    in: "header",
    name: "If-None-Match",
    description: "The `ETag` you have: while the resource is unchanged, the answer is 304 without a body.",
    schema: { type: "string" },
  },
  IfMatch: {
    in: "header",
    name: "If-Match",
    description: "The `ETag` of the state you want to change: if the resource has changed since, nothing happens and the answer is 412.",
    schema: { type: "string" },
  },
};
