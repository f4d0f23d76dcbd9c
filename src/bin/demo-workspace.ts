import { randomBytes } from "node:crypto";
import { and, eq } from "drizzle-orm";
import { connectChannel } from "../channels/create-channel.ts";
import type { ChannelKind } from "../channels/contract.ts";
import { visitorIdentity } from "../channels/providers/web-widget.ts";
import { channels } from "../channels/tables.ts";
import type { Config } from "../config.ts";
import { assignConversation } from "../conversations/assign-conversation.ts";
import { closeConversation } from "../conversations/close-conversation.ts";
import { dispatchMessages } from "../messages/dispatch-messages.ts";
import { markTaken } from "../messages/mark-taken.ts";
import { receiveEvent } from "../messages/receive-event.ts";
import { storeMessage } from "../messages/store-message.ts";
import { messages } from "../messages/tables.ts";
import { conversations } from "../conversations/tables.ts";
import { systemCtx, type Actor, type Ctx, type Services, type TxCtx } from "../core/context.ts";
import { createNewId, type Id } from "../core/ids.ts";
import type { Poster } from "../core/poster.ts";
import { after, hours, minutes, seconds, type Timestamp } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { findMine, mine } from "../db/mine.ts";
import { syncDueTemplates } from "../templates/sync-templates.ts";
import { createEndpoint } from "../webhooks/create-endpoint.ts";
import { dispatchDeliveries } from "../dispatch/dispatch-deliveries.ts";
import { addConversationNote, addTicketNote } from "../notes/add-note.ts";
import { createLogin, linkMember } from "../sessions/create-login.ts";
import { hashPassword } from "../sessions/password.ts";
import { inviteMember } from "../team/invite-member.ts";
import { joinTeam } from "../team/join-team.ts";
import { scopesOf } from "../team/roles.ts";
import { assignTicket } from "../tickets/assign-ticket.ts";
import { createTicket } from "../tickets/create-ticket.ts";
import { updateTicket } from "../tickets/update-ticket.ts";
import { webhook_endpoints } from "../webhooks/tables.ts";
import { workspaces } from "../workspaces/tables.ts";
import { demoLetters, demoTeam, type Colleague, type Letters } from "./demo-letters.ts";
import { newWorkspace } from "./new-workspace.ts";

/** The workspace and who is in it: each of the team is somebody who can act. */
interface Stage {
  ctx: Ctx;
  channel_ids: Record<string, Id<"chan">>;
  team: Record<Colleague, Extract<Actor, { type: "member" }>>;
}

type Demo = Awaited<ReturnType<typeof newWorkspace>> & {
  widget_channel_id: Id<"chan">;
  owner: { email: string; password: string };
};

const channelNames: Record<ChannelKind, string> = {
  whatsapp: "WhatsApp",
  instagram: "Instagram",
  facebook_page: "Facebook Page",
  twilio_sms: "SMS",
  twilio_voice: "Phone",
  web_widget: "Website",
};

/**
 * On an empty database: a workspace to try things in. Its story of three days is told through the same doors as a real one, with
 * a clock that stands in the past and receivers that answer from a list; all of it in one transaction, so that a process that dies
 * meanwhile leaves nothing, and the next one makes it.
 */
export async function makeDemo(services: Services): Promise<Demo | undefined> {
  const [any] = await services.db.select({ id: workspaces.id }).from(workspaces).limit(1);
  return any ? undefined : services.db.transaction((db) => tellStory({ ...services, db }));
}

async function tellStory(services: Services): Promise<Demo> {
  const began_at = services.now();
  let at = after(began_at, -hours(73));
  const now = () => at;
  const past: Services = { ...services, now, newId: createNewId(now), wake: () => {}, poster: createReceivers() };

  const demo = await newWorkspace(past, { name: "Demo", scopes: ["read", "write", "admin"] });
  const ctx = systemCtx(past, demo.workspace_id, { type: "system", id: null, name: "Demo" });
  const stage: Stage = { ctx, channel_ids: await openChannels(ctx), team: await gatherTeam(ctx) };
  const owner = await letIn(ctx, "Lina", stage);
  await addEndpoints(ctx);
  await syncDueTemplates(past, { budget_ms: 0 });
  for (const { when, happen } of inOrder(began_at, stage)) {
    at = when;
    await happen();
    await dispatchMessages(past, { budget_ms: 0 });
    const { retried } = await dispatchDeliveries(past, { budget_ms: 0 });
    if (retried === 0) continue;
    at = after(at, seconds(20));
    await dispatchDeliveries(past, { budget_ms: 0 });
  }
  await retireEndpoints(ctx);
  return { ...demo, widget_channel_id: stage.channel_ids["web_widget"]!, owner };
}

/** One of the team can sign in to the portal, with a password that is shown once. */
async function letIn(ctx: Ctx, called: Colleague, { team }: Stage): Promise<Demo["owner"]> {
  const { id, name } = team[called];
  const { email } = demoTeam[called];
  const password = randomBytes(12).toString("base64url");
  const password_hash = await hashPassword(password);
  await atomically(ctx, async (tx) => linkMember(tx, (await createLogin(tx, { email, name, password_hash }))!, id));
  return { email, password };
}

async function openChannels(ctx: Ctx): Promise<Record<string, Id<"chan">>> {
  const opened: Record<string, Id<"chan">> = {};
  for (const [channel, name] of Object.entries(channelNames) as [ChannelKind, string][]) {
    if (channel === "web_widget") continue;
    const sandbox = {
      channel,
      provider: "sandbox",
      name: `${name} (sandbox)`,
      account_id: "sandbox",
      credentials: { token: ctx.newId("chan") },
    } as const;
    opened[channel] = (await atomically(ctx, (tx) => connectChannel(tx, sandbox))).id;
  }
  opened["web_widget"] = await openWidget(ctx);
  return opened;
}

async function gatherTeam(ctx: Ctx): Promise<Stage["team"]> {
  const team: Partial<Stage["team"]> = {};
  for (const [called, { email, name, role, ...rest }] of Object.entries(demoTeam)) {
    const { id } = await atomically(ctx, (tx) => inviteMember(tx, { email, name, role }));
    if ("invited_only" in rest) continue;
    await atomically(ctx, (tx) => joinTeam(tx, { team_member_id: id }));
    team[called as Colleague] = { type: "member", id, name, scopes: scopesOf(role) };
  }
  return team as Stage["team"];
}

/** Nobody outside is needed for this one: it works on the demo's own page. */
async function openWidget(ctx: Ctx): Promise<Id<"chan">> {
  const { origin } = new URL(ctx.settings.public_url);
  const widget = {
    channel: "web_widget",
    provider: "web_widget",
    name: channelNames.web_widget,
    account_id: "website",
    credentials: {
      allowed_origins: [origin, origin.replace("//127.0.0.1", "//localhost")],
      identity_secret: `${ctx.newId("chan")}${ctx.newId("chan")}`,
    },
  } satisfies Parameters<typeof connectChannel>[1];
  return (await atomically(ctx, (tx) => connectChannel(tx, widget))).id;
}

/** One that works but for a bad hour, and one that asks never to be called again. */
async function addEndpoints(ctx: Ctx): Promise<void> {
  const wanted = { event_types: ["new_message", "conversation_end"] as const, enabled: true, delivery_id_header: true };
  for (const [name, url] of [
    ["CRM", "https://crm.example.invalid/hooks/wassla"],
    ["Old help desk", "https://old-desk.example.invalid/webhook"],
  ] as const) {
    await atomically(ctx, (tx) => createEndpoint(tx, { ...wanted, event_types: [...wanted.event_types], name, url }, url));
  }
}

/** The demo's receivers are not there: they are put to rest, so that nothing is posted to them from now on. */
async function retireEndpoints(ctx: Ctx): Promise<void> {
  await ctx.db
    .update(webhook_endpoints)
    .set({ enabled: false })
    .where(and(mine(ctx, webhook_endpoints), eq(webhook_endpoints.enabled, true)));
}

const answer = (status_code: number, response_body: string, duration_ms: number) => ({
  status_code,
  error: status_code < 300 ? null : ("non_2xx" as const),
  duration_ms,
  response_headers: { "content-type": "text/plain" },
  response_body,
  remote_address: "203.0.113.10",
});

/** Every seventh request to the CRM fails once; the old help desk is gone at its fifth. Each counts for itself: their order is nobody's promise. */
function createReceivers(): Poster {
  const asked = new Map<string, number>();
  return {
    roomAt: () => 1,
    post: ({ url }) => {
      const nth = (asked.get(url) ?? 0) + 1;
      asked.set(url, nth);
      if (url.includes("old-desk")) return Promise.resolve(nth >= 5 ? answer(410, "Gone", 31) : answer(200, "ok", 44));
      return Promise.resolve(nth % 7 === 0 ? answer(503, "Service Unavailable", 87) : answer(204, "", 52));
    },
    close: () => Promise.resolve(),
  };
}

interface Happening {
  when: Timestamp;
  happen: () => Promise<void>;
}

/** Every line of every conversation, in the order of time. */
function inOrder(began_at: Timestamp, stage: Stage): Happening[] {
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

async function say(
  { ctx, channel_ids, team }: Stage,
  { channel: kind, customer }: Letters,
  [speaker, text]: Letters["lines"][number],
  key: string,
): Promise<void> {
  const channel_id = channel_ids[kind]!;
  const content = { type: "text", text } as const;
  if (speaker === "customer") {
    const channel = await findMine(ctx, channels, channel_id);
    const event = { dedupe_key: key, external_id: key, account_id: channel.account_id, occurred_at: ctx.now(), raw: { demo: true } };
    return receiveEvent(ctx, channel, {
      ...event,
      kind: "message",
      from: [identityOn(channel_id, customer)],
      name: customer.name,
      content,
    });
  }
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
  const { id: conversation_id } = await newestOf(ctx, channel_ids[channel]!);
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
  const all = await ctx.db
    .select()
    .from(conversations)
    .where(and(mine(ctx, conversations), eq(conversations.channel_id, channel_id)))
    .orderBy(conversations.id);
  return all.at(-1)!;
}

/** Where everything is; and, this once, the credentials. */
export function printWelcome({ public_url, database }: Config, demo: Demo | undefined): void {
  console.log(`
Wassla is ready at ${public_url}

  REST       ${public_url}/v1
  Reference  ${public_url}/docs
  OpenAPI    ${public_url}/openapi.json
  Health     ${public_url}/readyz${database.kind === "embedded" ? `\n  Data       ${database.data_dir}` : ""}`);
  if (!demo) return;
  console.log(`
A demo workspace has been made. Its credentials are shown this once:

  API key         ${demo.api_key}
  Webhook secret  ${demo.webhook_secret}
  Portal sign-in  ${demo.owner.email}  ${demo.owner.password}

Try it:

  curl ${public_url}/v1/conversations -H "Authorization: Bearer ${demo.api_key}"

Write to the demo as a visitor of a website would:

  ${public_url}/widget/demo?channel_id=${demo.widget_channel_id}
`);
}
