import { afterAll, expect, test } from "vitest";
import { makeDemo } from "../../src/bin/demo-workspace.ts";
import { ChannelKind } from "../../src/channels/contract.ts";
import { messages } from "../../src/messages/tables.ts";
import { users } from "../../src/sessions/tables.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { breakable } from "../support/breakable-db.ts";
import { openDatabase } from "../support/database.ts";
import { openBrowser } from "../support/members.ts";
import { patience_ms } from "../support/processes.ts";
import type { Connection } from "../../src/db/connect.ts";
import { createWorld } from "../support/world.ts";

const instant = "2026-11-25T12:00:00.000Z";

interface Conversation {
  id: string;
  channel: string;
  status: string;
  handler_mode: string;
  priority: string;
  tags: string[];
  assignee_id: string | null;
  ticket_ids: string[];
  closed_at: string | null;
  last_message_at: string;
}
interface Message {
  channel: string;
  conversation_id: string;
  direction: string;
  status: string;
  sender: { type: string; name: string | null };
  content: { text: string };
  created_at: string;
}
interface Member {
  id: string;
  name: string;
  role: string;
  status: string;
}
interface Ticket {
  id: string;
  number: number;
  subject: string;
  status: string;
  assignee_id: string | null;
  conversation_id: string | null;
  created_by: { type: string; name: string };
}
interface Note {
  text: string;
  author: { type: string; name: string };
}
interface Delivery {
  id: string;
  event_type: string;
  status: string;
  attempts: number;
  last_status_code: number | null;
}

const opened: Connection[] = [];
afterAll(() => Promise.all(opened.map((connection) => connection.close())));

async function ownWorld() {
  const connection = await openDatabase();
  opened.push(connection);
  const { db, breakNext } = breakable(connection.db);
  return { world: await createWorld({ db }), breakNext };
}

/** A demo on a database of its own, read through its own key. */
async function seed({ world }: Pick<Awaited<ReturnType<typeof ownWorld>>, "world">) {
  const demo = (await makeDemo({ ...world.services, now: () => instant }))!;
  const all = async <T>(path: string): Promise<T[]> => {
    const { status, body } = await world.request<{ data: T[]; has_more: boolean }>(path, { key: demo.api_key });
    expect({ status, has_more: body.has_more }).toEqual({ status: 200, has_more: false });
    return body.data;
  };
  return {
    world,
    demo,
    all,
    conversations: await all<Conversation>("/v1/conversations?limit=100"),
    messages: await all<Message>("/v1/messages?limit=100"),
    deliveries: await all<Delivery>("/v1/webhook_deliveries?limit=100"),
  };
}

let seeded: ReturnType<typeof seed> | undefined;
/** The one that is only looked at: to make one takes seconds. */
const theDemo = () => (seeded ??= ownWorld().then(seed));

const distinct = (values: (string | null)[]): string[] => [...new Set(values.map(String))].toSorted();

test(
  "the demo has something of everything: six channels, three languages, a team, what is open and what is closed",
  { timeout: patience_ms },
  async () => {
    const { conversations, messages, world } = await theDemo();
    expect(distinct(conversations.map(({ channel }) => channel))).toEqual(ChannelKind.options.toSorted());
    const texts = messages.map(({ content }) => content.text);
    for (const language of [/[\u0600-\u06ff]{4}/, /\b(the|you|hello)\b/i, /\b(bonjour|livraison)\b/i]) {
      expect(texts.filter((text) => language.test(text)).length, String(language)).toBeGreaterThan(1);
    }
    const spoke = messages.map(({ sender }) => sender).filter(({ type }) => type === "team_member");
    expect(distinct(spoke.map(({ name }) => name)).length).toBeGreaterThan(2);
    expect(messages.some(({ sender }) => sender.type === "ai_agent")).toBe(true);

    const open = conversations.filter(({ status }) => status === "open");
    const closed = conversations.filter(({ status }) => status === "resolved");
    expect(open.length).toBeGreaterThan(1);
    expect(closed.length).toBeGreaterThan(1);
    expect(open.length + closed.length).toBe(conversations.length);
    expect(closed.every(({ closed_at }) => closed_at !== null)).toBe(true);
    expect(world.logged).toEqual([]);
  },
);

test(
  "nothing of the demo is still to come: it ended before its instant, and what was said has arrived",
  { timeout: patience_ms },
  async () => {
    const { conversations, messages } = await theDemo();
    for (const { last_message_at } of conversations) expect(last_message_at < instant).toBe(true);
    expect(distinct(messages.filter(({ direction }) => direction === "outbound").map(({ status }) => status))).toEqual(["delivered"]);
  },
);

test("the demo has a team that works: assignments, notes and tickets, in three languages", { timeout: patience_ms }, async () => {
  const { all, conversations } = await theDemo();
  const team = await all<Member>("/v1/team_members");
  const nameOf = (id: string | null) => team.find((member) => member.id === id)?.name;
  expect(distinct(team.map(({ name, role, status }) => `${name}, ${role}, ${status}`))).toEqual([
    "Claire Dubois, agent, active",
    "Sam Carter, viewer, invited",
    "Youssef Amrani, admin, active",
    "لينا حداد, owner, active",
  ]);
  expect(distinct(conversations.map(({ assignee_id }) => nameOf(assignee_id) ?? null))).toEqual([
    "Claire Dubois",
    "Youssef Amrani",
    "null",
  ]);

  const tickets = await all<Ticket>("/v1/tickets?sort=created_at");
  expect(tickets.map(({ number, status, assignee_id, created_by }) => [number, status, nameOf(assignee_id), created_by.name])).toEqual([
    [1, "resolved", "Youssef Amrani", "Youssef Amrani"],
    [2, "in_progress", "لينا حداد", "Youssef Amrani"],
    [3, "open", undefined, "Claire Dubois"],
  ]);
  for (const { id, conversation_id } of tickets)
    expect(conversations.find((conversation) => conversation.id === conversation_id)?.ticket_ids).toEqual([id]);
  expect((await all<Ticket>(`/v1/tickets?q=${encodeURIComponent("دفعة D-4410")}`)).map(({ number }) => number)).toEqual([2]);

  const noted = [...conversations.map(({ id }) => `conversations/${id}`), ...tickets.map(({ id }) => `tickets/${id}`)];
  const notes = (await Promise.all(noted.map((subject) => all<Note>(`/v1/${subject}/notes`)))).flat();
  expect(distinct(notes.map(({ author }) => `${author.type} ${author.name}`))).toEqual([
    "team_member Claire Dubois",
    "team_member Youssef Amrani",
    "team_member لينا حداد",
  ]);
});

test(
  "the webhook log tells of success at once, success at the second attempt, and of an endpoint that is gone",
  { timeout: patience_ms },
  async () => {
    const { deliveries, all } = await theDemo();
    expect(distinct(deliveries.map(({ event_type }) => event_type))).toEqual(["conversation_end", "new_message"]);
    expect(deliveries.some(({ status, attempts }) => status === "succeeded" && attempts === 1)).toBe(true);
    const second = deliveries.find(({ status, attempts }) => status === "succeeded" && attempts === 2);
    expect(second).toBeDefined();
    expect(
      (await all<{ status_code: number }>(`/v1/webhook_deliveries/${second!.id}/attempts`)).map(({ status_code }) => status_code),
    ).toEqual(expect.arrayContaining([503, 204]));
    expect(deliveries.some(({ last_status_code }) => last_status_code === 410)).toBe(true);
    expect(distinct(deliveries.map(({ status }) => status)), "nothing is under way").toEqual(["failed", "succeeded"]);
    const endpoints = await all<{ enabled: boolean }>("/v1/webhook_endpoints");
    expect(
      endpoints.map(({ enabled }) => enabled),
      "and no receiver is asked again",
    ).toEqual([false, false]);
  },
);

/** What two demos have in common. */
const contentOf = ({ conversations, messages, deliveries }: Awaited<ReturnType<typeof seed>>) => ({
  conversations: conversations.map(({ channel, status, handler_mode, priority, tags, closed_at, last_message_at }) => ({
    channel,
    status,
    handler_mode,
    priority,
    tags,
    closed_at,
    last_message_at,
  })),
  messages: messages.map(({ channel, direction, status, sender, content, created_at }) => ({
    channel,
    direction,
    status,
    sender: sender.name,
    content,
    created_at,
  })),
  deliveries: deliveries
    .map(({ event_type, status, attempts, last_status_code }) => `${event_type} ${status} ${attempts} ${last_status_code}`)
    .toSorted(),
});

test(
  "a demo that is broken off in the midst of its story leaves nothing, and the next tells the same as any of that instant",
  { timeout: patience_ms },
  async () => {
    const { world, breakNext } = await ownWorld();
    const { db } = world.services;
    breakNext("insert", messages, 8);
    await expect(makeDemo({ ...world.services, now: () => instant })).rejects.toThrow();
    expect([await db.$count(workspaces), await db.$count(users)]).toEqual([0, 0]);
    expect(contentOf(await seed({ world }))).toEqual(contentOf(await theDemo()));
  },
);

test("a database that has a workspace gets no demo", { timeout: patience_ms }, async () => {
  const { world, conversations } = await theDemo();
  expect(await makeDemo(world.services)).toBeUndefined();
  expect(conversations.length).toBeGreaterThan(5);
});

test("the demo's owner can sign in, with the password that is shown once", { timeout: patience_ms }, async () => {
  const { world, demo } = await theDemo();
  const { status, body } = await openBrowser(world).signIn(demo.owner.email, demo.owner.password);
  expect([status, body]).toMatchObject([200, { workspace: { id: demo.workspace_id }, member: { role: "owner" } }]);
});
