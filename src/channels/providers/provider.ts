import type { z } from "zod";
import type { Network, Settings } from "../../core/context.ts";
import type { Id } from "../../core/ids.ts";
import type { Timestamp } from "../../core/time.ts";
import type { CallState, Content, Identity, SendErrorCode } from "../contract.ts";
import type { TemplateChanges, TemplateParameter, TemplateSource } from "./template.ts";

/** The secrets of one channel, and what else its provider needs to know of it. */
export type Credentials = Record<string, string>;
/** The same as they are given and sealed: a web widget's hold a list. Whoever needs that one reads it by its contract. */
export type GivenCredentials = Record<string, string | string[]>;

/** A provider's callback, before anything of it is believed. */
export interface HookRequest {
  /** The URL that was called, by our public name whatever a proxy shows: some providers sign it. */
  url: string;
  raw: Uint8Array;
  header(name: string): string | undefined;
}

export interface HookAnswer {
  content_type: string;
  body: string;
}

/** What a callback says, in the house's words. Times are the provider's own. */
export type InboundEvent = {
  /** Unique per channel: the same event, told twice, is told once. */
  dedupe_key: string;
  /** Which of the app's accounts it is for, where one URL serves several; null where it serves one. */
  account_id: string | null;
  occurred_at: Timestamp;
  /** The event as it came. */
  raw: unknown;
} & (
  | ({ kind: "message" } & Received)
  /** A message the business sent: our own, told back to us, or one written in the provider's own inbox. */
  | { kind: "echo"; external_id: string; to: Identity[]; content: Content; message_id: string | null }
  /** The writer of a message changed what it says, or took it back (null). `external_id` is the message's. */
  | { kind: "revision"; external_id: string; content: Content | null }
  | { kind: "status"; external_id: string; status: DeliveryState; error: SendError | null; message_id: string | null }
  | ({ kind: "call" } & CallNews)
  | ({ kind: "call_part" } & CallPart)
  /** Everything that was sent to a person up to this moment has come that far. */
  | { kind: "watermark"; person: Identity; status: "delivered" | "read"; until: Timestamp }
  /** What WhatsApp decided of a template of the business account; `is_stale`: what it holds must be asked for anew. */
  | { kind: "template"; name: string; language: string; changes: TemplateChanges; is_stale: boolean }
  /** A person has a new number or a new name at the provider. */
  | { kind: "renaming"; previous: Identity[]; current: Identity[] }
  /** A person called on a line that is not answered here. */
  | { kind: "called"; from: Identity[]; name: string | null }
  /** Understood, and of no effect here; or not understood. Recorded either way. */
  | { kind: "ignored"; why: string }
);

/** What a person wrote. */
export interface Received {
  external_id: string;
  from: Identity[];
  name: string | null;
  content: Content;
  consent?: Consent | undefined;
  /** The writer's own id of it, where the channel is ours and gives it back. */
  client_reference?: string | undefined;
}

export type DeliveryState = "sent" | "delivered" | "read" | "failed";

/** By such a message a person ends what the business may send them on the channel, or allows it again. */
export type Consent = "withdrawn" | "given";

/** How a telephone call fares. `external_id` is the call's. */
export interface CallNews {
  external_id: string;
  occurred_at: Timestamp;
  /** Who called whom. */
  direction: "inbound" | "outbound";
  /** The contact; nobody where the news names only the call. */
  people: Identity[];
  state: CallState;
  duration_seconds: number | null;
}

/** What was said in a call, or its recording. `external_id` is the call's, `part_id` its own. */
export interface CallPart {
  external_id: string;
  part_id: string;
  occurred_at: Timestamp;
  direction: "inbound" | "outbound";
  content: Content;
}

export interface Outbound {
  message_id: Id<"msg">;
  channel_id: Id<"chan">;
  account_id: string;
  /** The provider's id of the call to speak into, on a telephone line. */
  call_id?: string | undefined;
  /** Where it goes: to the first that the channel reaches. */
  to: Identity[];
  content: Content;
  /** The values of a template's parameters, in their order. */
  parameters?: readonly TemplateParameter[] | undefined;
  /** Outside the 24 hours, as the word of a person. */
  as_human_agent: boolean;
}

/** Why a provider refused, in the house's code and in its own. */
export interface SendError {
  code: SendErrorCode;
  detail: string;
  provider_code: string | null;
}

/** An address as we wrote it, and the same one as the provider writes it. */
export interface Spelling {
  of: Identity;
  is: Identity;
}

/**
 * None of the providers has an idempotency key, so a send whose outcome is unknown is never repeated:
 * the provider's own callback settles it.
 */
export type SendOutcome =
  /** `known_as`: the provider's own spelling of the address it went to, where it is another. */
  | { outcome: "sent"; external_id: string; status: "sent" | "delivered"; known_as?: Spelling | undefined }
  | { outcome: "failed"; error: SendError }
  /** Certainly not sent, and worth another try. */
  | { outcome: "retry"; error: SendError; retry_after_ms: number | null }
  | { outcome: "unknown"; detail: string };

/** Ours to refuse: the provider was not asked. */
export const refused = (code: SendErrorCode, detail: string): SendOutcome => ({ outcome: "failed", error: ownError(code, detail) });

/** What a provider says when it is asked whether it knows an account and takes the credentials. */
export type Probe = { ok: true; detail: string } | Denial;

/** Why nothing was learnt. `is_passing`: nobody answered, or not now. It says nothing of the credentials. */
export interface Denial {
  ok: false;
  error: SendError;
  is_passing: boolean;
}

export const denied = (code: SendErrorCode, detail: string, { is_passing = false } = {}): Denial => ({
  ok: false,
  error: ownError(code, detail),
  is_passing,
});

/** In our words: the provider gave no code. */
export const ownError = (code: SendErrorCode, detail: string): SendError => ({ code, detail, provider_code: null });

/** What a provider is reached by. */
export type World = { network: Network; settings: Settings };

/** What every channel is made of. Nothing here touches the database. */
export interface Provider {
  /** What a channel's `account_id` must be, and where it is found. */
  account: z.ZodType<string, string>;
  /** What is needed to act for an account. Strict; each field's description says where it is found. */
  credentials: z.ZodObject<Record<string, z.ZodType<string | string[] | undefined>>>;
  /** The identities that a message can be sent to. */
  reaches: readonly Identity["kind"][];
  /** Where it calls: /hooks/{door}/{channel_id}, and the ends of these URLs where it has several. Null where nobody calls. */
  door: "meta" | "twilio" | "sandbox" | null;
  hooks?: readonly string[];
  /** Those of them that a person enters at the provider; without it, all. The others it is told of with what is sent. */
  entered_hooks?: readonly string[];
  /** Answers the provider's question whether the URL is ours; undefined refuses it. */
  handshake(query: URLSearchParams, credentials: Credentials): string | undefined;
  /** Whether the request really comes from the provider. Judged over the bytes as they came. */
  verify(request: HookRequest, credentials: Credentials): boolean;
  /** Never throws: what cannot be understood is an `ignored` event. `url` is the one that was called. */
  parse(raw: Uint8Array, received_at: Timestamp, url?: string): InboundEvent[];
  /** What the provider expects to hear once it is taken in, where that is more than a 200. */
  answer?(request: HookRequest, credentials: Credentials): HookAnswer;
  send(outbound: Outbound, credentials: Credentials, world: World): Promise<SendOutcome>;
  /** Asks whether the account is there and the credentials are good; sends nothing to anybody. */
  probe(account_id: string, credentials: Credentials, world: World): Promise<Probe>;
  /** What may be sent at any time, where the provider approves such messages beforehand. */
  templates?: TemplateSource;
}
