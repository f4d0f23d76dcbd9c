import { and, desc, eq } from "drizzle-orm";
import type { Content } from "../channels/contract.ts";
import { visitorIdentity } from "../channels/providers/web-widget.ts";
import { channels } from "../channels/tables.ts";
import { assignConversation } from "../conversations/assign-conversation.ts";
import { closeConversation } from "../conversations/close-conversation.ts";
import { conversations } from "../conversations/tables.ts";
import type { Ctx, TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { after, hours, minutes, type Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { findMine, mine } from "../db/mine.ts";
import { markTaken } from "../messages/mark-taken.ts";
import { receiveEvent } from "../messages/receive-event.ts";
import { storeMessage } from "../messages/store-message.ts";
import { messages } from "../messages/tables.ts";
import { addConversationNote, addTicketNote } from "../notes/add-note.ts";
import { assignTicket } from "../tickets/assign-ticket.ts";
import { createTicket } from "../tickets/create-ticket.ts";
import { updateTicket } from "../tickets/update-ticket.ts";
import { demoLetters, type Colleague, type Letters } from "./demo-letters.ts";
import type { Stage } from "./demo-stage.ts";

interface Happening {
  when: Timestamp;
  happen: () => Promise<void>;
}

/** Every line of every conversation, in the order of time. */
export function inOrder(began_at: Timestamp, stage: Stage): Happening[] {
  const all = demoLetters.flatMap((letters, index) => {
    let when = after(began_at, -hours(letters.began_hours_ago));
    const happenings = letters.lines.map((line, place): Happening => {
      when = after(when, minutes(line[2]));
      return { when, happen: () => say(stage, letters, line, `demo-${index}-${place}`) };
    });
    return [...happenings, { when: after(when, minutes(3)), happen: () => finish(stage, letters) }];
  });
  return all.sort((a, b) => (a.when < b.when ? -1 : 1));
}

/** A line of a letter: the customer's comes in, anybody else's goes out. */
async function say(stage: Stage, letters: Letters, [speaker, text]: Letters["lines"][number], key: string): Promise<void> {
  const channel_id = stage.channel_ids[letters.channel];
  const content = { type: "text", text } as const;
  await (speaker === "customer" ? hear(stage, channel_id, letters.customer, content, key) : answer(stage, channel_id, speaker, content));
}

type Said = Extract<Content, { type: "text" }>;

async function hear({ ctx }: Stage, channel_id: Id<"chan">, customer: Letters["customer"], content: Said, key: string): Promise<void> {
  const channel = await findMine(ctx, channels, channel_id);
  await receiveEvent(ctx, channel, {
    kind: "message",
    dedupe_key: key,
    external_id: key,
    account_id: channel.account_id,
    occurred_at: ctx.now(),
    raw: { demo: true },
    from: [identityOn(channel_id, customer)],
    name: customer.name,
    content,
  });
}

async function answer({ ctx, team }: Stage, channel_id: Id<"chan">, speaker: Colleague | "agent", content: Said): Promise<void> {
  const sender =
    speaker === "agent"
      ? ({ type: "ai_agent", id: null, name: "Wassla" } as const)
      : ({ type: "team_member", id: team[speaker].id, name: speaker } as const);
  const conversation = await newestOf(ctx, channel_id);
  await atomically(ctx, (tx) =>
    storeMessage(tx, conversation, conversation.last_inbound_at, {
      direction: "outbound",
      sender,
      content,
      status: "queued",
      due_at: tx.now(),
    }),
  );
}

/** A visitor is one of the website's own. */
const identityOn = (channel_id: Id<"chan">, { identity: { kind, value } }: Letters["customer"]) =>
  kind === "visitor" ? visitorIdentity(channel_id, value) : { kind, value };

async function finish(stage: Stage, letters: Letters): Promise<void> {
  const { ctx, channel_ids, team } = stage;
  const { channel, closed, tags = [], priority = "normal", handler_mode = "unassigned", assignee, note, ticket } = letters;
  const { id: conversation_id } = await newestOf(ctx, channel_ids[channel]);
  await ctx.db
    .update(conversations)
    .set({ tags, priority, handler_mode })
    .where(and(mine(ctx, conversations), eq(conversations.id, conversation_id)));
  await atomically(ctx, (tx) => markTaken(tx, "delivered", eq(messages.conversation_id, conversation_id)));
  if (assignee) await atomically(ctx, (tx) => assignConversation(tx, { conversation_id, assignee_id: team[assignee].id }));
  if (note) await by(stage, note[0], (tx) => addConversationNote(tx, { conversation_id, text: note[1] }));
  if (ticket) await open(stage, conversation_id, ticket);
  if (closed) await atomically(ctx, (tx) => closeConversation(tx, { conversation_id }));
}

async function open(
  stage: Stage,
  conversation_id: Id<"conv">,
  { made_by, assignee, status, note, ...about }: NonNullable<Letters["ticket"]>,
): Promise<void> {
  await by(stage, made_by, async (tx) => {
    const { id: ticket_id } = await createTicket(tx, { ...about, conversation_id });
    if (assignee) await assignTicket(tx, { ticket_id, assignee_id: stage.team[assignee].id });
    if (status) await updateTicket(tx, { ticket_id, status });
    if (note) await addTicketNote({ ...tx, actor: stage.team[note[0]] }, { ticket_id, text: note[1] });
  });
}

/** One of the team does something. */
const by = <T>({ ctx, team }: Stage, colleague: Colleague, run: (tx: TxCtx) => Promise<T>): Promise<T> =>
  atomically({ ...ctx, actor: team[colleague] }, run);

/** The letters of a channel do not overlap: who speaks last, speaks in the newest. */
async function newestOf(ctx: Ctx, channel_id: Id<"chan">) {
  const [newest] = await ctx.db
    .select()
    .from(conversations)
    .where(and(mine(ctx, conversations), eq(conversations.channel_id, channel_id)))
    .orderBy(desc(conversations.id))
    .limit(1);
  return newest!;
}
