import { and, eq, isNull, sql } from "drizzle-orm";
import { contacts } from "../contacts/tables.ts";
import { conversations } from "../conversations/tables.ts";
import type { TxCtx } from "../core/context.ts";
import { invalid, noSuch } from "../core/errors.ts";
import { uuidOf, type Id } from "../core/ids.ts";
import { mine } from "../db/mine.ts";
import { authorOf } from "../team/author.ts";
import { holdMember } from "../team/find-member.ts";
import type { CreateTicket } from "./contract.ts";
import { presentTicket } from "./present.ts";
import { ticket_numbers, tickets } from "./tables.ts";

/** Makes a ticket, by itself or of a conversation, which tells of it from now on. */
export async function createTicket(ctx: TxCtx, { assignee_id, conversation_id, contact_id, ...about }: CreateTicket) {
  if (assignee_id !== undefined && !(await holdMember(ctx, assignee_id))) throw invalid(noSuch("/assignee_id"));
  if (contact_id !== undefined) await holdContact(ctx, contact_id);
  const id = ctx.newId("tkt");
  const now = ctx.now();
  const theirs = conversation_id === undefined ? undefined : await joinConversation(ctx, conversation_id, id);
  if (theirs !== undefined && contact_id !== undefined && theirs !== contact_id) {
    throw invalid({ pointer: "/contact_id", code: "not_allowed", detail: "The conversation is with another contact." });
  }
  const [ticket] = await ctx.db
    .insert(tickets)
    .values({
      ...about,
      workspace_id: ctx.workspace_id,
      id,
      number: await nextNumber(ctx),
      assignee_id: assignee_id ?? null,
      conversation_id: conversation_id ?? null,
      contact_id: contact_id ?? theirs ?? null,
      created_by: authorOf(ctx.actor),
      created_at: now,
      updated_at: now,
    })
    .returning();
  return presentTicket(ticket!);
}

/** Held: who is being deleted at this moment is nobody any more. */
async function holdContact(ctx: TxCtx, contact_id: Id<"cont">): Promise<void> {
  const [held] = await ctx.db
    .select({ id: contacts.id })
    .from(contacts)
    .where(and(mine(ctx, contacts), eq(contacts.id, contact_id), isNull(contacts.deleted_at)))
    .for("key share");
  if (!held) throw invalid(noSuch("/contact_id"));
}

/** Its contact. */
async function joinConversation(ctx: TxCtx, conversation_id: Id<"conv">, ticket_id: Id<"tkt">): Promise<Id<"cont">> {
  const [joined] = await ctx.db
    .update(conversations)
    .set({ ticket_ids: sql`array_append(${conversations.ticket_ids}, ${uuidOf(ticket_id)}::uuid)`, updated_at: ctx.now() })
    .where(and(mine(ctx, conversations), eq(conversations.id, conversation_id)))
    .returning({ contact_id: conversations.contact_id });
  if (!joined) throw invalid(noSuch("/conversation_id"));
  return joined.contact_id;
}

/** The last thing that is taken: whoever else makes a ticket waits from here on, so that none is given twice or lost. */
async function nextNumber(ctx: TxCtx): Promise<number> {
  const [given] = await ctx.db
    .insert(ticket_numbers)
    .values({ workspace_id: ctx.workspace_id, last_number: 1 })
    .onConflictDoUpdate({ target: ticket_numbers.workspace_id, set: { last_number: sql`${ticket_numbers.last_number} + 1` } })
    .returning({ last_number: ticket_numbers.last_number });
  return given!.last_number;
}
