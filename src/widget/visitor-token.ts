import { createHash } from "node:crypto";
import { unauthorized } from "../core/errors.ts";
import { after, hours, type Timestamp } from "../core/time.ts";
import type { Widget } from "./find-widget.ts";
import { isVerified, type Visitor } from "./visitor.ts";

const lifetime_ms = hours(180 * 24);
const prefix = "wvt_";

/** What a token says before it is believed. */
interface Claims {
  channel_id: string;
  visitor: Visitor;
  issued_at: Timestamp;
}

/** Says who a visitor is to whoever signs it. Each session is given a new one, so that it ends 180 days after the last. */
export function issueToken(widget: Widget, visitor: Visitor): { token: string; expires_at: Timestamp } {
  const issued_at = widget.ctx.now();
  const claims: Claims = { channel_id: widget.channel.id, visitor, issued_at };
  const body = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return {
    token: `${prefix}${body}.${widget.ctx.vault.sign("visitor_tokens", signed(widget, visitor, body))}`,
    expires_at: expiryOf(claims),
  };
}

/** The visitor of a genuine token of this widget. */
export function readToken(widget: Widget, token: string): Visitor {
  const { ctx, channel } = widget;
  const claims = claimsOf(token);
  if (!claims) throw unauthorized("malformed_token", "This is no visitor's token.");
  const { body, signature } = partsOf(token)!;
  const genuine = ctx.vault.isSignature(signature, "visitor_tokens", signed(widget, claims.visitor, body));
  if (!genuine || claims.channel_id !== channel.id) throw unauthorized("unknown_token", "The token is not one of this widget's.");
  if (expiryOf(claims) <= ctx.now()) throw unauthorized("expired_token", "The token has expired: start a session without it.");
  return claims.visitor;
}

/** Undefined where it is none. Nothing in it is believed yet. */
export function claimsOf(token: string): Claims | undefined {
  const parts = partsOf(token);
  if (!parts) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(parts.body, "base64url").toString("utf8")) as Partial<Claims> | null;
    return typeof claims?.channel_id === "string" && typeof claims.visitor?.id === "string" && typeof claims.issued_at === "string"
      ? (claims as Claims)
      : undefined;
  } catch {
    return undefined;
  }
}

function partsOf(token: string): { body: string; signature: string } | undefined {
  const [, body = "", signature = ""] = /^wvt_([\w-]+)\.([\w-]+)$/.exec(token) ?? [];
  return body ? { body, signature } : undefined;
}

/** A verified visitor's token hangs on the secret that verified them: a new one ends what the old one vouched for. */
const signed = ({ identity_secret }: Widget, visitor: Visitor, body: string): string =>
  [body, isVerified(visitor) ? createHash("sha256").update(identity_secret).digest("hex") : ""].join("\n");

const expiryOf = ({ issued_at }: Pick<Claims, "issued_at">): Timestamp => after(issued_at, lifetime_ms);
