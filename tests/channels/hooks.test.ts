import { and, eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { provider_events } from "../../src/channels/tables.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import { kindOf, textOf } from "../../src/messages/preview.ts";
import { messages } from "../../src/messages/tables.ts";
import { createNewId } from "../../src/core/ids.ts";
import { mine } from "../../src/db/mine.ts";
import { breakable } from "../support/breakable-db.ts";
import { callbackOf, changeOf, createWhatsApp, credentials, reporting, saying, signed } from "../support/channels.ts";
import { database, onPostgres } from "../support/database.ts";
import { freshAccount } from "../support/graph-twin.ts";
import { countsOf, eventsOf, rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant } from "../support/world.ts";

async function withWhatsApp() {
  const world = await createWorld();
  const tenant = await world.tenant();
  return { world, tenant, whatsapp: await createWhatsApp(world, tenant) };
}

const nothing = { contacts: 0, conversations: 0, messages: 0, events: 0, provider_events: 0 };

/** The texts of all that a workspace received, the oldest first. */
const heardBy = async (tenant: Tenant): Promise<string[]> =>
  (await rowsOf(tenant, messages))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ content }) => textOf(content) ?? kindOf(content) ?? "");

describe("the handshake", () => {
  const asking = (given: Record<string, string> = {}) =>
    new URLSearchParams({
      "hub.mode": "subscribe",
      "hub.verify_token": credentials.verify_token,
      "hub.challenge": "a <challenge>",
      ...given,
    }).toString();

  test("is answered with the bare challenge to who knows the token", async () => {
    const { world, whatsapp } = await withWhatsApp();
    const response = await world.app.request(`/hooks/meta/${whatsapp.channel_id}?${asking()}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^text\/plain/);
    expect(await response.text()).toBe("a <challenge>");
  });

  test.each([
    ["another token", asking({ "hub.verify_token": "another" })],
    ["an empty token", asking({ "hub.verify_token": "" })],
    ["another mode", asking({ "hub.mode": "unsubscribe" })],
    ["no questions at all", ""],
  ])("is refused with %s", async (_, query) => {
    const { world, whatsapp } = await withWhatsApp();
    const { status, body } = await world.request(`/hooks/meta/${whatsapp.channel_id}?${query}`);
    expect(status).toBe(403);
    expect(body).toMatchObject({ code: "forbidden", instance: "/hooks/{door}/{channel_id}" });
    expect(JSON.stringify(body)).not.toContain(credentials.verify_token);
  });

  test("is not for the sandbox, which asks no questions", async () => {
    const { world, tenant } = await withWhatsApp();
    expect((await world.request(`/hooks/sandbox/${tenant.channel_id}?${asking()}`)).status).toBe(403);
  });
});

describe("a callback is refused and leaves nothing behind", () => {
  test.each([
    ["without a signature", () => ({})],
    ["with an empty signature", () => ({ "X-Hub-Signature-256": "" })],
    ["signed with another secret", (body: string) => signed(body, "another secret")],
    ["signed over other bytes", (body: string) => signed(`${body} `)],
    ["that shows the sandbox's token", () => ({ "X-Sandbox-Token": "anything" })],
  ])("%s", async (_, headers) => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const body = callbackOf(saying(world, whatsapp.account_id, "Hello"));
    const { status, body: problem } = await whatsapp.post(body, headers(body));
    expect(status).toBe(401);
    expect(problem).toMatchObject({ code: "unauthorized" });
    expect(await countsOf(tenant)).toEqual(nothing);
  });

  test("at the sandbox without its token", async () => {
    const { world, tenant } = await withWhatsApp();
    const body = { from: "+15550001111", text: "Hello" };
    const post = (token: string) =>
      world.request(`/hooks/sandbox/${tenant.channel_id}`, { method: "POST", body, headers: { "X-Sandbox-Token": token } });
    expect((await post("another")).status).toBe(401);
    expect((await post("")).status).toBe(401);
    expect(await countsOf(tenant)).toEqual(nothing);
  });

  test.each([
    ["is malformed", "chan_nothing"],
    ["is of another kind", "conv_01m7x0q4w6e8r9t2y3v5n7b1c4"],
    ["names nothing", createNewId()("chan")],
    ["is upper case", "CHAN_01M7X0Q4W6E8R9T2Y3V5N7B1C4"],
  ])("where the channel's id %s", async (_, channel_id) => {
    const { world, whatsapp } = await withWhatsApp();
    const body = callbackOf(saying(world, whatsapp.account_id, "Hello"));
    const asked = await world.request(`/hooks/meta/${channel_id}`);
    const told = await world.request(`/hooks/meta/${channel_id}`, { method: "POST", body, headers: signed(body) });
    expect([asked.status, told.status]).toEqual([404, 404]);
    expect(told.body).toMatchObject({ code: "not_found" });
  });

  test.each(["sandbox", "twilio", "constructor", "__proto__", "META"])("at the door %s, which is not the channel's", async (door) => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const body = callbackOf(saying(world, whatsapp.account_id, "Hello"));
    const { status } = await world.request(`/hooks/${door}/${whatsapp.channel_id}`, { method: "POST", body, headers: signed(body) });
    expect(status).toBe(404);
    expect(await countsOf(tenant)).toEqual(nothing);
  });

  test("where it has more than 4 MiB; one of 3 MB is taken in", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const filled = (bytes: number) => {
      const [start, end] = callbackOf({ ...saying(world, whatsapp.account_id, "Hello"), padding: "¶" }).split("¶") as [string, string];
      return `${start}${"x".repeat(bytes - start.length - end.length)}${end}`;
    };
    const refused = await whatsapp.post(filled(4 * 1024 * 1024 + 1));
    expect(refused.status).toBe(413);
    expect(refused.body).toMatchObject({ code: "payload_too_large" });
    expect(await countsOf(tenant)).toEqual(nothing);

    expect((await whatsapp.post(filled(3_000_000))).status).toBe(200);
    expect((await whatsapp.post(filled(4 * 1024 * 1024))).status).toBe(200);
    expect(await heardBy(tenant)).toEqual(["Hello", "Hello"]);
  });
});

test.each([
  ["is not JSON", `{"entry":`, "not JSON"],
  ["is empty", "", "not JSON"],
  ["says nothing known", `{"entry":[]}`, "nothing in it is known here"],
  ["is a list", "[1]", "nothing in it is known here"],
])("a signed callback that %s is taken in and recorded, so that the provider does not unsubscribe us", async (_, body, detail) => {
  const { tenant, whatsapp } = await withWhatsApp();
  const answers = [await whatsapp.post(body), await whatsapp.post(body)];
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(await countsOf(tenant)).toEqual({ ...nothing, provider_events: 1 });
  expect(await rowsOf(tenant, provider_events)).toMatchObject([{ channel_id: whatsapp.channel_id, outcome: "ignored", detail }]);
});

describe("the same callback", () => {
  test("told twice is one message and one event", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const body = callbackOf(saying(world, whatsapp.account_id, "Hello"));
    expect((await whatsapp.post(body)).status).toBe(200);
    expect((await whatsapp.post(body)).status).toBe(200);
    expect(await countsOf(tenant)).toEqual({ contacts: 1, conversations: 1, messages: 1, events: 1, provider_events: 1 });
    expect(await rowsOf(tenant, provider_events)).toMatchObject([{ outcome: "applied", detail: null }]);
  });

  test.skipIf(!onPostgres())("told many times at one moment is one message and one event", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const body = callbackOf(saying(world, whatsapp.account_id, "Hello"));
    const answers = await Promise.all(Array.from({ length: 8 }, () => whatsapp.post(body)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(await countsOf(tenant)).toEqual({ contacts: 1, conversations: 1, messages: 1, events: 1, provider_events: 1 });
  });

  test("is not the same on another channel", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const other = await createWhatsApp(world, tenant);
    await whatsapp.tell(saying(world, whatsapp.account_id, "Hello", { id: "wamid.one" }));
    await other.tell(saying(world, other.account_id, "Hello", { id: "wamid.one" }));
    expect(await heardBy(tenant)).toEqual(["Hello", "Hello"]);
  });
});

describe("one URL of an app serves all its accounts", () => {
  test("each entry goes to the channel of its own, wherever it is told", async () => {
    const { world, tenant, whatsapp: berlin } = await withWhatsApp();
    const paris = await createWhatsApp(world, tenant);
    const said = [saying(world, berlin.account_id, "Guten Tag"), saying(world, paris.account_id, "Bonjour")];
    await berlin.tell(...said);
    await paris.tell(...said);

    const { body } = await tenant.get<{ data: Conversation[] }>("/v1/conversations");
    expect(body.data.map(({ channel_id, last_message_preview }) => [channel_id, last_message_preview])).toEqual([
      [paris.channel_id, "Bonjour"],
      [berlin.channel_id, "Guten Tag"],
    ]);
    expect(await countsOf(tenant)).toMatchObject({ messages: 2, events: 2, provider_events: 2 });
  });

  test("an unknown account is recorded where it was told, and the others of the callback are taken in", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const unknown = freshAccount();
    await whatsapp.tell(saying(world, unknown, "Anybody there?"), saying(world, whatsapp.account_id, "Hello"));
    expect(await heardBy(tenant)).toEqual(["Hello"]);
    expect(await rowsOf(tenant, provider_events)).toContainEqual(
      expect.objectContaining({ channel_id: whatsapp.channel_id, outcome: "ignored", detail: `no channel for account ${unknown}` }),
    );
  });

  test("what was told of an account before its channel was connected is taken in when it is told again", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const account_id = freshAccount();
    const said = saying(world, account_id, "Am I early?");
    await whatsapp.tell(said);
    await createWhatsApp(world, tenant, account_id);
    await whatsapp.tell(said);
    expect(await heardBy(tenant)).toEqual(["Am I early?"]);
  });

  test("another workspace's account is out of reach", async () => {
    const { world, tenant, whatsapp } = await withWhatsApp();
    const neighbour = await world.tenant();
    const theirs = await createWhatsApp(world, neighbour);
    const { id } = await theirs.hears("Hello");
    const before = await countsOf(neighbour);

    await whatsapp.tell(saying(world, theirs.account_id, "Let me in"), reporting(world, theirs.account_id, "wamid.theirs", "read"));
    expect(await countsOf(neighbour)).toEqual(before);
    expect(await heardBy(neighbour)).toEqual(["Hello"]);
    expect(await heardBy(tenant)).toEqual([]);
    expect((await neighbour.get<Conversation>(`/v1/conversations/${id}`)).body.message_count).toBe(1);
  });

  test("what concerns the whole business is recorded and of no effect", async () => {
    const { tenant, whatsapp } = await withWhatsApp();
    await whatsapp.tell({
      id: "100200300",
      time: 1795342500,
      changes: [{ field: "account_update", value: { event: "VERIFIED_ACCOUNT" } }],
    });
    expect(await rowsOf(tenant, provider_events)).toMatchObject([{ kind: "ignored", detail: "account_update: of no effect here" }]);
  });
});

describe("where an event is not taken in", () => {
  test("the provider is asked to tell it again, the others are kept, and the second telling adds what was missing", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const world = await createWorld({ db });
    const tenant = await world.tenant();
    const whatsapp = await createWhatsApp(world, tenant);
    const body = callbackOf(...["One", "Two", "Three"].map((text) => saying(world, whatsapp.account_id, text)));

    breakNext("insert", messages, 1);
    const { status, body: problem } = await whatsapp.post(body);
    expect(status).toBe(503);
    expect(problem).toMatchObject({ code: "service_unavailable" });
    expect(JSON.stringify(problem)).not.toContain("broke");
    expect(await heardBy(tenant)).toEqual(["One", "Three"]);
    // What failed halfway left nothing of itself: neither its person nor its record.
    expect(await countsOf(tenant)).toEqual({ contacts: 2, conversations: 2, messages: 2, events: 2, provider_events: 2 });
    expect(world.logged).toContainEqual(expect.objectContaining({ level: "error", message: "an event was not taken in" }));

    expect((await whatsapp.post(body)).status).toBe(200);
    expect(await heardBy(tenant)).toEqual(["One", "Three", "Two"]);
    expect((await eventsOf(tenant)).map(({ type }) => type)).toEqual(["new_message", "new_message", "new_message"]);
  });

  test("a status that failed halfway takes effect at the second telling", async () => {
    const { db, breakNext } = breakable((await database()).db);
    const world = await createWorld({ db });
    const tenant = await world.tenant();
    const whatsapp = await createWhatsApp(world, tenant);
    await whatsapp.echoes("15550101001", "Hello", { id: "wamid.ours" });
    const body = callbackOf(reporting(world, whatsapp.account_id, "wamid.ours", "read"));

    breakNext("update", messages);
    expect((await whatsapp.post(body)).status).toBe(503);
    expect(await rowsOf(tenant, messages)).toMatchObject([{ status: "sent" }]);
    expect((await whatsapp.post(body)).status).toBe(200);
    expect(await rowsOf(tenant, messages)).toMatchObject([{ status: "read" }]);
  });
});

test("an event is kept as it came, whatever characters it has", async () => {
  const { world, tenant, whatsapp } = await withWhatsApp();
  const said = saying(world, whatsapp.account_id, "null \0, half \ud800, whole 😀", { id: "wamid.odd" });
  await whatsapp.tell(said, changeOf(whatsapp.account_id, { odd: "\0\ud800" }, "what Meta thinks of next"));
  expect(await heardBy(tenant)).toEqual(["null \ufffd, half \ufffd, whole 😀"]);
  const [noted] = await tenant.ctx.db
    .select({ raw: provider_events.raw })
    .from(provider_events)
    .where(and(mine(tenant.ctx, provider_events), eq(provider_events.dedupe_key, "wamid.odd")));
  expect(JSON.parse(noted!.raw!)).toMatchObject({ text: { body: "null \0, half \ud800, whole 😀" } });
});
