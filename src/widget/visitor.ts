import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { visitorIdentity } from "../channels/providers/web-widget.ts";
import { whoHas } from "../contacts/know-contact.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import type { User } from "./contract.ts";
import type { Widget } from "./find-widget.ts";

/** Who looks at a page. What they say to us as nobody in particular never becomes what they say as a user, nor the other way. */
export interface Visitor {
  /** `user:` and the website's own id of them, which it vouches for; or `anonymous:` and one of ours. */
  id: string;
  /** In their own words, or their page's: nobody vouches for these. */
  name: string | null;
  email: string | null;
}

export const isVerified = ({ id }: Visitor): boolean => id.startsWith("user:");

export const newVisitor = (): Visitor => ({ id: `anonymous:${randomUUID()}`, name: null, email: null });

/** The user of the website, if its server says so: `hash` is the hex HMAC-SHA256 of the id under the channel's secret. */
export function verifiedVisitor({ identity_secret }: Widget, { id, hash, name, email }: User): Visitor {
  const expected = createHmac("sha256", identity_secret).update(id).digest();
  const given = /^[0-9a-f]{64}$/i.test(hash) ? Buffer.from(hash, "hex") : Buffer.alloc(expected.length);
  if (!timingSafeEqual(given, expected)) throw new ApiError("identity_not_verified");
  return { id: `user:${id}`, name: name ?? null, email: email ?? null };
}

export const identityOf = ({ channel }: Widget, visitor: Visitor) => visitorIdentity(channel.id, visitor.id);

/** The visitor's contact: there is none before they have written, or been written to. */
export const contactOf = (widget: Widget, visitor: Visitor): Promise<Id<"cont"> | undefined> =>
  whoHas(widget.ctx, [identityOf(widget, visitor)]);
