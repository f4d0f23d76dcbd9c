import { isPassing } from "./passing.ts";

/**
 * Every refusal the API can give, once. `code` is the contract and never changes; the rest feeds the
 * document, the error pages and the client's union type.
 */
export const errors = {
  validation_failed: {
    status: 400,
    title: "Validation failed",
    meaning: "A parameter or a field is missing, unknown, or has a value that is not allowed.",
    remedy: "Read `errors`: each fault names the place as a JSON pointer. Nothing was changed.",
    retryable: false,
    example: { errors: [{ pointer: "/colour", code: "unknown_field", detail: "There is no field colour." }] },
  },
  malformed_json: {
    status: 400,
    title: "Malformed JSON",
    meaning: "The body is not a JSON object in UTF-8.",
    remedy: "Send one JSON object, encoded in UTF-8.",
    retryable: false,
  },
  malformed_request: {
    status: 400,
    title: "Malformed request",
    meaning: "What arrived is no HTTP request, or one that two servers could read in two ways.",
    remedy: "Send HTTP/1.1 as RFC 9112 has it: a known method, one host, one length. Every HTTP client does.",
    retryable: false,
  },
  invalid_cursor: {
    status: 400,
    title: "Invalid cursor",
    meaning: "The cursor was not given by this list with these filters.",
    remedy: "Start again without `cursor`, or keep the filters of the first page.",
    retryable: false,
  },
  unauthorized: {
    status: 401,
    title: "Unauthorized",
    meaning: "The request carries no valid API key; `reason` says which way it is not.",
    remedy: "Send `Authorization: Bearer wsk_live_…` with a key that is neither revoked nor expired.",
    retryable: false,
    example: { reason: "revoked_token" },
  },
  insufficient_credits: {
    status: 402,
    title: "Insufficient credits",
    meaning: "The credits of the workspace's plan do not suffice for this work of the AI. Messages are received and sent all the same.",
    remedy: "Wait for the next month, or move to a larger plan.",
    retryable: false,
  },
  forbidden: {
    status: 403,
    title: "Forbidden",
    meaning: "The key is valid but does not have the scope this operation needs.",
    remedy: "Use a key with `required_scope`.",
    retryable: false,
    example: { required_scope: "read", granted_scopes: ["write"] },
  },
  origin_not_allowed: {
    status: 403,
    title: "Origin not allowed",
    meaning: "The page is none that may ask: not the portal, or none of the websites that the web widget's channel is made for.",
    remedy: "For the web widget, add the page's origin, such as `https://shop.example`, to the channel's `allowed_origins`.",
    retryable: false,
  },
  identity_not_verified: {
    status: 403,
    title: "Identity not verified",
    meaning: "The `hash` of the web widget's visitor is not the one that the channel's `identity_secret` makes of the user's id.",
    remedy: "Make it on your server: the HMAC-SHA256 of the user's id under `identity_secret`, in hexadecimal.",
    retryable: false,
  },
  not_found: {
    status: 404,
    title: "Not found",
    meaning: "There is no such resource in this workspace.",
    remedy: "Check the id and that the key belongs to the workspace that owns it.",
    retryable: false,
  },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    meaning: "The path exists, the method does not.",
    remedy: "Use one of the methods in the `Allow` header.",
    retryable: false,
  },
  request_timeout: {
    status: 408,
    title: "Request timeout",
    meaning: "The request did not arrive in time: its headers within 10 seconds, its body within 30.",
    remedy: "Send it again, in one go.",
    retryable: true,
  },
  idempotency_in_progress: {
    status: 409,
    title: "Idempotency in progress",
    meaning: "A request with the same `Idempotency-Key` is running at this moment.",
    remedy: "Wait for its answer, or repeat the request after `Retry-After` seconds: the answer will be the same.",
    retryable: true,
  },
  conversation_closed: {
    status: 409,
    title: "Conversation closed",
    meaning: "The conversation is closed: nothing can be sent in it, and neither its status nor its handler can be changed.",
    remedy: "Reopen it (not one that the contact ended), or start a new one. The contact's next message opens a new one too.",
    retryable: false,
  },
  call_not_active: {
    status: 409,
    title: "Call not active",
    meaning: "The channel is a telephone line, and no call with the contact, or with the number that was named, is running.",
    remedy: "Write to the contact on another channel; calls are made by the contact.",
    retryable: false,
  },
  message_not_retryable: {
    status: 409,
    title: "Message not retryable",
    meaning: "Only an outbound message that failed, for a reason other than its own content, can be sent again.",
    remedy: "Read the message's `status` and `error`; `detail` says what stands in the way.",
    retryable: false,
  },
  invalid_status_transition: {
    status: 409,
    title: "Invalid status transition",
    meaning: "The step does not lead on from the status that the resource has.",
    remedy: "`allowed` names the statuses that may come next; `detail` says how to get there.",
    retryable: false,
    example: { allowed: [] },
  },
  last_owner: {
    status: 409,
    title: "Last owner",
    meaning: "The member is the last active owner, and a workspace is never without one.",
    remedy: "Make another active member an owner first.",
    retryable: false,
  },
  delivery_in_progress: {
    status: 409,
    title: "Delivery in progress",
    meaning: "An attempt of this delivery is running at this moment.",
    remedy: "Wait for its outcome (at most a minute) and look at the delivery again.",
    retryable: true,
  },
  endpoint_disabled: {
    status: 409,
    title: "Endpoint disabled",
    meaning: "The delivery's endpoint is disabled or deleted, so nothing can be sent to it.",
    remedy: "Enable the endpoint, or create a new one.",
    retryable: false,
  },
  channel_disconnected: {
    status: 409,
    title: "Channel disconnected",
    meaning: "The conversation's channel is not connected to its provider.",
    remedy: "Connect the channel again, if it was not deleted; otherwise write on another one.",
    retryable: false,
  },
  duplicate_channel: {
    status: 409,
    title: "Duplicate channel",
    meaning: "The workspace has a channel with this account at this provider already.",
    remedy: "Change that channel instead, or delete it first.",
    retryable: false,
  },
  duplicate_external_id: {
    status: 409,
    title: "Duplicate external id",
    meaning: "Another contact has this external id, or one of these identities.",
    remedy: "Update that contact instead, or remove the id from it first.",
    retryable: false,
  },
  invitation_not_valid: {
    status: 410,
    title: "Invitation not valid",
    meaning: "There is no such invitation: it was used, replaced or withdrawn, it has expired, or it never was.",
    remedy: "Ask whoever invited you for a new one.",
    retryable: false,
  },
  precondition_failed: {
    status: 412,
    title: "Precondition failed",
    meaning: "The resource is no longer the one that `If-Match` names: somebody changed it meanwhile.",
    remedy: "Read it again, and decide again.",
    retryable: false,
  },
  payload_too_large: {
    status: 413,
    title: "Payload too large",
    meaning: "The body is larger than this endpoint accepts.",
    remedy: "Send at most 1 MiB.",
    retryable: false,
  },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    meaning: "The body is not declared as JSON.",
    remedy: "Send `Content-Type: application/json`.",
    retryable: false,
  },
  messaging_window_closed: {
    status: 422,
    title: "Messaging window closed",
    meaning:
      "The contact has not written on this channel within the last 24 hours. WhatsApp then takes approved templates alone; Instagram and a Facebook Page take nothing, but for up to 7 days what a person wrote (`human_agent`).",
    remedy:
      "On WhatsApp send an approved template, unless the workspace's `whatsapp_templates` forbids it; elsewhere wait for the contact to write. `messaging_window` on the conversation says what is allowed.",
    retryable: false,
  },
  content_type_unsupported: {
    status: 422,
    title: "Content type unsupported",
    meaning: "The channel cannot carry this kind of content.",
    remedy: "Send one of `messaging_window.allowed_types`.",
    retryable: false,
  },
  recipient_opted_out: {
    status: 422,
    title: "Recipient opted out",
    meaning: "The contact asked for no more messages on this channel; by SMS, for the number they wrote from.",
    remedy: "Write to them on another channel. They may allow messages again, by SMS with the word START.",
    retryable: false,
  },
  recipient_unreachable: {
    status: 422,
    title: "Recipient unreachable",
    meaning: "The contact has no address on this channel, or no longer the one that the message is for, or the provider cannot reach it.",
    remedy: "Check the contact's identities; use another channel.",
    retryable: false,
  },
  template_not_found: {
    status: 422,
    title: "Template not found",
    meaning: "The channel's account has no template of this name in exactly this language.",
    remedy: "Read `GET /v1/templates`; a template that was made just now appears after `POST /v1/templates/sync`.",
    retryable: false,
  },
  template_not_approved: {
    status: 422,
    title: "Template not approved",
    meaning: "WhatsApp has not approved the template, or has paused or disabled it.",
    remedy: "Read its `status`; use another template meanwhile.",
    retryable: false,
  },
  template_params_invalid: {
    status: 422,
    title: "Template parameters invalid",
    meaning: "A variable of the template is missing, empty, unknown, or of a form that WhatsApp does not take.",
    remedy: "Read `errors`: each names a variable. The template's `parameters` say which there are.",
    retryable: false,
    example: { errors: [{ pointer: "/content/variables/2", code: "required", detail: "The parameter 2 is missing." }] },
  },
  webhook_url_not_allowed: {
    status: 422,
    title: "Webhook URL not allowed",
    meaning: "The URL is not one that webhooks may be sent to.",
    remedy: "Use a public https URL without credentials or fragment whose host resolves to public addresses only.",
    retryable: false,
  },
  idempotency_key_reused: {
    status: 422,
    title: "Idempotency key reused",
    meaning: "The same `Idempotency-Key` came with another body.",
    remedy: "Use a new key for a new request.",
    retryable: false,
  },
  limit_reached: {
    status: 422,
    title: "Limit reached",
    meaning: "The workspace already has as many of these as it may have.",
    remedy: "Delete one that is not needed.",
    retryable: false,
  },
  too_many_requests: {
    status: 429,
    title: "Too many requests",
    meaning: "One of the three windows (address, key, workspace) is full; `limit` says which.",
    remedy: "Wait for `Retry-After` seconds.",
    retryable: true,
    example: { limit: { scope: "key", limit: 600, window_seconds: 60, reset_at: "2026-11-22T10:18:00.000Z" } },
  },
  headers_too_large: {
    status: 431,
    title: "Headers too large",
    meaning: "The request has too many headers, or its first line and headers are too long together.",
    remedy: "Send at most 100 headers and 16 KiB; what is large belongs in the body.",
    retryable: false,
  },
  internal_error: {
    status: 500,
    title: "Internal error",
    meaning: "The fault is ours.",
    remedy: "Try again; if it stays, quote `request_id` to support.",
    retryable: true,
  },
  service_unavailable: {
    status: 503,
    title: "Service unavailable",
    meaning: "The service cannot take the request at this moment.",
    remedy: "Try again after `Retry-After` seconds.",
    retryable: true,
  },
} as const satisfies Record<string, ErrorEntry>;

interface ErrorEntry {
  status: number;
  title: string;
  meaning: string;
  remedy: string;
  retryable: boolean;
  /** The members that a problem of this code has beside the common ones, as they could be. */
  example?: { errors?: Fault[]; reason?: UnauthorizedReason } & Record<string, unknown>;
}

/** What only some codes have beside the common members. */
export const memberExamples = (code: ErrorCode): ErrorEntry["example"] => (errors[code] as ErrorEntry).example;

export type ErrorCode = keyof typeof errors;

/** One fault of an input: where (RFC 6901), a stable word for what, and prose. */
export interface Fault {
  pointer: string;
  code: string;
  detail: string;
}

/** RFC 9457, with the members this API adds. Extra members belong to single codes (`reason`, `limit` …). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  instance: string;
  request_id: string;
  errors?: Fault[];
  [member: string]: unknown;
}

interface ErrorOptions {
  detail?: string;
  errors?: Fault[];
  /** Members that go into the problem beside the common ones. */
  members?: Record<string, unknown>;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** The only error that may speak to a client. Whatever else is thrown becomes `internal_error` and stays silent. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly options: ErrorOptions;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    super(options.detail ?? errors[code].meaning, { cause: options.cause });
    this.name = "ApiError";
    this.code = code;
    this.options = options;
  }

  get status(): number {
    return errors[this.code].status;
  }
}

export const asApiError = (error: unknown): ApiError => {
  if (error instanceof ApiError) return error;
  return isPassing(error) ? unavailable(error) : new ApiError("internal_error", { cause: error });
};

export const unavailable = (cause?: unknown): ApiError => new ApiError("service_unavailable", { headers: { "Retry-After": "1" }, cause });

export const unauthorizedReasons = [
  "missing_token",
  "malformed_token",
  "unknown_token",
  "revoked_token",
  "expired_token",
  "wrong_credentials",
  "no_session",
  "no_workspace",
] as const;
type UnauthorizedReason = (typeof unauthorizedReasons)[number];

/** 401 with the challenge of RFC 6750 §3: no error code in it where no token was sent. */
export const unauthorized = (reason: UnauthorizedReason, detail: string): ApiError =>
  new ApiError("unauthorized", {
    detail,
    members: { reason },
    headers: {
      "WWW-Authenticate": `Bearer realm="Wassla API"${reason.endsWith("_token") && reason !== "missing_token" ? ', error="invalid_token"' : ""}`,
    },
  });

/** A refused input: 400, naming every fault. */
export const invalid = (...faults: Fault[]): ApiError =>
  new ApiError("validation_failed", { detail: faults.map((fault) => fault.detail).join(" "), errors: faults });

/** A body or filter names something that is not there: one answer for foreign, malformed and missing ids. */
export const noSuch = (pointer: string): Fault => ({
  pointer,
  code: "no_such_resource",
  detail: "There is no such resource in this workspace.",
});

export function problemOf(error: ApiError, where: { docs_url: string; instance: string; request_id: string }): Problem {
  const { status, title } = errors[error.code];
  return {
    type: `${where.docs_url}/errors/${error.code}`,
    title,
    status,
    code: error.code,
    detail: error.message,
    instance: where.instance,
    request_id: where.request_id,
    ...(error.options.errors && { errors: error.options.errors }),
    ...error.options.members,
  };
}
