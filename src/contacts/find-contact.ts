import { and, desc, eq, inArray, isNull, lt, sql, type SQL } from "drizzle-orm";
import type { Identity } from "../channels/contract.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import { extended } from "../core/extended.ts";
import { ApiError } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import { pageOf, readCursor, type Listing } from "../core/page.ts";
import { createdWithin } from "../db/created-within.ts";
import { mine } from "../db/mine.ts";
import { given } from "../db/query.ts";
import { totalOf } from "../db/total.ts";
import { foundBy } from "../search/found-by.ts";
import { identityKinds, type Contact, type ContactRef, type ListContacts } from "./contract.ts";
import { placesOfContacts } from "./places.ts";
import { contact_identities, contacts } from "./tables.ts";

/** One contact. */
export const findContact = (ctx: Ctx, { contact_id }: ContactRef) => contactById(ctx, contact_id);

/** The same, held until the transaction ends. */
export const lockContact = (ctx: TxCtx, { contact_id }: ContactRef) => contactById(ctx, contact_id, "update");

/** Contacts, the newest first. */
export async function listContacts(ctx: Ctx, input: ListContacts) {
  const listing: Listing = { name: "contacts", filters: input };
  const position = readCursor(ctx, listing, input.cursor);
  const filters = and(
    mine(ctx, contacts),
    isNull(contacts.deleted_at),
    given(input.external_id, (external_id) => eq(contacts.external_id, external_id)),
    given(input.identity, (value) => hasIdentity(ctx, value)),
    given(input.q, (q) => foundBy(ctx, contacts.id, q, placesOfContacts(ctx))),
    createdWithin(contacts, "cont", input),
  );
  const rows = await withIdentities(ctx)
    .where(
      and(
        filters,
        given(position, ([, last]) => lt(contacts.id, last as Id<"cont">)),
      ),
    )
    .orderBy(desc(contacts.id))
    .limit(input.limit + 1);
  const page = pageOf(ctx, listing, rows.map(presentContact), input.limit, (row) => [row.created_at, row.id]);
  return { ...page, ...(await totalOf(ctx, input, contacts, filters)) };
}

export async function contactById(ctx: Ctx, id: Id<"cont">, lock?: "update"): Promise<Contact> {
  const found = withIdentities(ctx).where(and(mine(ctx, contacts), eq(contacts.id, id), isNull(contacts.deleted_at)));
  const [row] = await (lock ? found.for(lock, { of: contacts }) : found);
  if (!row) throw new ApiError("not_found");
  return presentContact(row);
}

type Row = typeof contacts.$inferSelect & { identities: Identity[] };

const withIdentities = (ctx: Pick<Ctx, "db">) =>
  ctx.db
    .select({
      workspace_id: contacts.workspace_id,
      id: contacts.id,
      external_id: contacts.external_id,
      name: contacts.name,
      metadata: contacts.metadata,
      deleted_at: contacts.deleted_at,
      created_at: contacts.created_at,
      updated_at: contacts.updated_at,
      identities: sql<Identity[]>`coalesce((
        select json_agg(json_build_object('kind', held.kind, 'value', held.value) order by held.created_at, held.kind, held.value)
        from ${contact_identities} as held where held.workspace_id = ${contacts}.workspace_id and held.contact_id = ${contacts}.id), '[]')`,
    })
    .from(contacts);

export const presentContact = (row: Row): Contact => extended(row, { object: "contact" as const, identities: row.identities.map(shown) });

/** On disk a phone number is bare digits, as the providers send it; outside it is E.164. */
export const shown = ({ kind, value }: Identity): Identity => ({ kind, value: kind === "phone" ? `+${value}` : value });
export const stored = ({ kind, value }: Identity): Identity => ({ kind, value: kind === "phone" ? value.replace(/^\+/, "") : value });

/** Every kind is named, so that the primary key (kind, value) answers it, and not a walk over all contacts. */
const hasIdentity = (ctx: Ctx, value: string): SQL =>
  inArray(
    contacts.id,
    ctx.db
      .select({ contact_id: contact_identities.contact_id })
      .from(contact_identities)
      .where(
        and(
          mine(ctx, contact_identities),
          inArray(contact_identities.kind, identityKinds),
          eq(contact_identities.value, value.replace(/^\+(?=\d+$)/, "")),
        ),
      ),
  );
