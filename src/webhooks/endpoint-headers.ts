import { z } from "zod";
import type { Ctx } from "../core/context.ts";
import { ApiError, invalid, type Fault } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import type { webhook_endpoints } from "./tables.ts";

export const most_headers = 20;

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110 §5.5, without what is obsolete: visible ASCII, with spaces and tabs between. */
const field_value = /^[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * Ours on every request; the framing's (RFC 9112); and those that concern one connection only (RFC 9110 §7.6.1). A receiver behind
 * CGI (RFC 3875 §4.1.18) or WSGI sees - and _ as one, so that each stands for both.
 */
const reserved = new Set(
  `content-type content-length content-encoding user-agent host expect delivery-id
  connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings
  proxy-authenticate proxy-authorization`.split(/\s+/),
);
const reserved_prefixes = ["webhook-", "wassla-"];

/** Enough to replace every one by another. */
const most_names = 2 * most_headers;
const too_many_names = { error: `Must name at most ${most_names} headers.`, params: { code: "too_large" } };

/** The receiver's own headers, by name. The order of the faults is that of the headers. */
export const HeaderPatch = z
  .record(z.string().max(100), z.string().max(2000).nullable())
  .refine((patch) => Object.keys(patch).length <= most_names, too_many_names)
  .meta({
    description: `Sent with every request to this endpoint: at most ${most_headers}. Merged into those that are there: a name that is null is removed. Kept encrypted, and never shown again. Names of ours (\`webhook-…\`, \`wassla-…\`, \`delivery_id\`, \`user-agent\`), of the body and of the connection are refused, with \`_\` for \`-\` too.`,
    examples: [{ "X-Api-Key": "a key of the receiver's" }],
  });
export type HeaderPatch = z.output<typeof HeaderPatch>;

/** The headers that result, by names in lower case; whatever may not be sent is named. */
export function patchedHeaders(current: Record<string, string>, patch: HeaderPatch): Record<string, string> {
  const times = new Map<string, number>();
  for (const name of Object.keys(patch)) times.set(name.toLowerCase(), (times.get(name.toLowerCase()) ?? 0) + 1);
  const faults = Object.entries(patch).flatMap(([name, value]) => faultOf(name, value, times.get(name.toLowerCase())!));
  if (faults.length > 0) throw invalid(...faults);
  const named = Object.entries(patch).map(([name, value]) => [name.toLowerCase(), value] as const);
  const kept = Object.entries({ ...current, ...Object.fromEntries(named) }).filter((entry): entry is [string, string] => entry[1] !== null);
  if (kept.length > most_headers)
    throw new ApiError("limit_reached", { detail: `An endpoint may have ${most_headers} headers of its own.` });
  return Object.fromEntries(kept);
}

function faultOf(name: string, value: string | null, times: number): Fault[] {
  const pointer = `/headers/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const folded = name.toLowerCase().replaceAll("_", "-");
  if (!token.test(name))
    return [{ pointer, code: "invalid_header_name", detail: "A header's name is letters, digits and !#$%&'*+-.^_`|~." }];
  if (reserved.has(folded) || reserved_prefixes.some((prefix) => folded.startsWith(prefix)))
    return [{ pointer, code: "reserved_header", detail: `${name} is not yours to set.` }];
  if (times > 1) return [{ pointer, code: "duplicate_header", detail: `${name} is named twice: names of headers know no case.` }];
  if (value !== null && !field_value.test(value))
    return [{ pointer, code: "invalid_header_value", detail: "A header's value is visible ASCII, with spaces between." }];
  return [];
}

const placeOf = (workspace_id: Id<"ws">) => ({ workspace_id, column: "webhook_endpoints.sealed_headers" });

/** Null for none, so that an endpoint without headers costs nothing to open. */
export const sealHeaders = ({ vault, workspace_id }: Pick<Ctx, "vault" | "workspace_id">, headers: Record<string, string>): string | null =>
  Object.keys(headers).length === 0 ? null : vault.seal("webhook_headers", placeOf(workspace_id), JSON.stringify(headers));

type Sealed = Pick<typeof webhook_endpoints.$inferSelect, "workspace_id" | "id" | "sealed_headers">;

/**
 * Null where they do not open, which is a fault of ours and is told to ourselves: an endpoint is seen, changed and deleted
 * without them, and whoever names its headers anew mends it.
 */
export function readHeaders({ vault, log }: Pick<Ctx, "vault" | "log">, endpoint: Sealed): Record<string, string> | null {
  const { workspace_id, id: endpoint_id, sealed_headers } = endpoint;
  if (sealed_headers === null) return {};
  try {
    return JSON.parse(vault.open("webhook_headers", placeOf(workspace_id), sealed_headers)) as Record<string, string>;
  } catch (error) {
    log.error({ err: error, workspace_id, endpoint_id, sealed: "headers" }, "an endpoint's own headers cannot be opened");
    return null;
  }
}
