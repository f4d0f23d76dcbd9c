import { and, eq } from "drizzle-orm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Conversation } from "../../src/conversations/contract.ts";
import { conversations } from "../../src/conversations/tables.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId, type Id } from "../../src/core/ids.ts";
import { after, minutes, seconds, type Timestamp } from "../../src/core/time.ts";
import { mine } from "../../src/db/mine.ts";
import { createSandbox, freshNumber } from "../support/channels.ts";
import { createWorld, type Tenant } from "../support/world.ts";

interface Page {
  object: "list";
  data: Conversation[];
  has_more: boolean;
  next_cursor: string | null;
}

const list = async (tenant: Tenant, query = "") => (await tenant.get<Page>(`/v1/conversations${query}`)).body;
const idsOf = ({ data }: Page) => data.map(({ id }) => id);
const refusal = async (tenant: Tenant, query: string) => {
  const { status, body } = await tenant.get<Problem>(`/v1/conversations${query}`);
  return { status, code: body.code, faults: body.errors?.map(({ pointer, code }) => `${pointer} ${code}`) };
};
const param = encodeURIComponent;

async function withConversations(count: number) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const ids: Id<"conv">[] = [];
  for (let n = 0; n < count; n++) ids.push((await tenant.hears(`No ${n}`)).id);
  return { world, tenant, ids };
}

const change = (tenant: Tenant, id: Id<"conv">, values: Partial<typeof conversations.$inferInsert>) =>
  tenant.ctx.db
    .update(conversations)
    .set(values)
    .where(and(mine(tenant.ctx, conversations), eq(conversations.id, id)));

describe("the list", () => {
  test("is empty where nobody has written", async () => {
    const { tenant } = await withConversations(0);
    expect(await list(tenant)).toEqual({ object: "list", data: [], has_more: false, next_cursor: null });
  });

  test("has the conversation with the newest message first", async () => {
    const { world, tenant, ids } = await withConversations(3);
    const [first, second, third] = ids;
    expect(idsOf(await list(tenant))).toEqual([third, second, first]);
    world.advance(seconds(1));
    await tenant.post(`/v1/conversations/${first}/messages`, { content: { type: "text", text: "Hello" } });
    expect(idsOf(await list(tenant))).toEqual([first, third, second]);
  });

  test("shows each conversation as it is read alone", async () => {
    const { tenant, ids } = await withConversations(2);
    for (const conversation of (await list(tenant)).data) {
      expect((await tenant.get(`/v1/conversations/${conversation.id}`)).body).toEqual(conversation);
    }
    expect(ids).toHaveLength(2);
  });

  test("shows nobody else's", async () => {
    const { world, tenant, ids } = await withConversations(1);
    const neighbour = await world.tenant();
    const { id } = await neighbour.hears("Hello");
    expect(idsOf(await list(tenant))).toEqual(ids);
    expect(idsOf(await list(neighbour))).toEqual([id]);
  });

  test("is for those who may read", async () => {
    const { world, tenant } = await withConversations(0);
    const { token } = await tenant.mint({ scopes: ["write", "admin"] });
    const { status, body } = await world.request("/v1/conversations", { key: token });
    expect([status, body["required_scope"]]).toEqual([403, "read"]);
  });
});

describe("a filter", () => {
  /** Three channels, four people, conversations open and closed; each known by a word. */
  async function withVariety() {
    const world = await createWorld();
    const tenant = await world.tenant();
    const sms = await createSandbox(world, tenant, "twilio_sms");
    const page = await createSandbox(world, tenant, "facebook_page");
    const [sara, omar] = [freshNumber(), freshNumber()];
    const said: Record<string, Conversation> = {};
    const hear = async (word: string, channel: typeof sms, from: string) => {
      world.advance(minutes(1));
      said[word] = await channel.hears(word, from);
    };
    await hear("sms of Sara, closed", sms, sara);
    await tenant.post(`/v1/conversations/${said["sms of Sara, closed"]!.id}/close`);
    await hear("sms of Sara", sms, sara);
    await hear("sms of Omar", sms, omar);
    await hear("page of Sara", page, sara);
    await hear("page of Omar", page, omar);
    await change(tenant, said["page of Omar"]!.id, { status: "pending", handler_mode: "human" });
    const shown = async (query: string) => (await list(tenant, query)).data.map(({ last_message_preview }) => last_message_preview);
    return { tenant, said, sms, page, shown };
  }

  test("chooses by status, channel, contact, handler and time", async () => {
    const { said, sms, page, shown } = await withVariety();
    const everything = ["page of Omar", "page of Sara", "sms of Omar", "sms of Sara", "sms of Sara, closed"];
    const sara = said["page of Sara"]!.contact_id;
    const middle = said["sms of Omar"]!.last_message_at;

    expect(await shown("")).toEqual(everything);
    expect(await shown("?status=resolved")).toEqual(["sms of Sara, closed"]);
    expect(await shown("?status=resolved&status=pending")).toEqual(["page of Omar", "sms of Sara, closed"]);
    expect(await shown("?status=ended")).toEqual([]);
    const open = everything.filter((words) => words !== "sms of Sara, closed");
    expect(await shown("?is_open=true")).toEqual(open);
    expect(await shown("?is_open=false")).toEqual(["sms of Sara, closed"]);
    expect(await shown("?is_open=true&status=pending&status=resolved")).toEqual(["page of Omar"]);
    expect(await shown("?is_open=false&status=open&include_total=true")).toEqual([]);
    expect(await shown("?channel=facebook_page")).toEqual(["page of Omar", "page of Sara"]);
    expect(await shown("?channel=facebook_page&channel=twilio_sms")).toEqual(everything);
    expect(await shown("?channel=instagram")).toEqual([]);
    expect(await shown(`?channel_id=${page.channel_id}`)).toEqual(["page of Omar", "page of Sara"]);
    expect(await shown(`?contact_id=${sara}`)).toEqual(["page of Sara", "sms of Sara", "sms of Sara, closed"]);
    expect(await shown("?handler_mode=human")).toEqual(["page of Omar"]);
    expect(await shown(`?last_message_after=${middle}`)).toEqual(["page of Omar", "page of Sara"]);
    expect(await shown(`?last_message_before=${middle}`)).toEqual(["sms of Sara", "sms of Sara, closed"]);
    expect(await shown(`?last_message_before=${param(after(middle, 1).replace("Z", "+00:00"))}`)).toContain("sms of Omar");

    // All of them together.
    expect(await shown(`?status=open&contact_id=${sara}&channel=twilio_sms`)).toEqual(["sms of Sara"]);
    expect(await shown(`?contact_id=${sara}&channel_id=${sms.channel_id}&last_message_before=${middle}&status=resolved`)).toEqual([
      "sms of Sara, closed",
    ]);
    expect(await shown(`?channel=facebook_page&channel_id=${sms.channel_id}`)).toEqual([]);
  });

  test("reads a moment with its offset", async () => {
    const { said, shown } = await withVariety();
    const at = said["sms of Omar"]!.last_message_at;
    const [earlier, later] = ["-04:30", "+14:00"].map((offset) => inZone(at, offset));
    expect(await shown(`?last_message_after=${param(earlier!)}`)).toEqual(["page of Omar", "page of Sara"]);
    expect(await shown(`?last_message_after=${param(later!)}`)).toEqual(["page of Omar", "page of Sara"]);
  });

  /** The same instant, told by the clock of another place. */
  const inZone = (at: Timestamp, offset: string): string => {
    const [sign, hour, minute] = [offset[0] === "-" ? -1 : 1, Number(offset.slice(1, 3)), Number(offset.slice(4))];
    return after(at, sign * minutes(60 * hour + minute)).replace("Z", offset);
  };

  test.each(["channel_id", "contact_id"] as const)(
    "by a %s that is foreign, malformed or nowhere gets one and the same answer",
    async (field) => {
      const { world, tenant } = await withConversations(1);
      const neighbour = await world.tenant();
      const theirs = await neighbour.hears("Hello");
      const foreign = { channel_id: neighbour.channel_id, contact_id: theirs.contact_id }[field];
      const absent = createNewId()(field === "channel_id" ? "chan" : "cont");

      const answers = await Promise.all(
        [foreign, absent, "nothing", "", "conv_01h455vb4pex5vsknk084sn02q", absent.toUpperCase()].map(async (id) => {
          const { body } = await tenant.get<Problem>(`/v1/conversations?${field}=${param(id)}`);
          return { ...body, request_id: "of its own" };
        }),
      );
      expect(answers[0]).toMatchObject({
        status: 400,
        code: "validation_failed",
        errors: [{ pointer: `/${field}`, code: "no_such_resource", detail: "There is no such resource in this workspace." }],
      });
      for (const answer of answers) expect(answer).toEqual(answers[0]);
    },
  );

  test.each([
    ["status=closed", "/status/0 not_allowed"],
    ["status=", "/status/0 not_allowed"],
    ["channel=fax", "/channel/0 not_allowed"],
    ["handler_mode=robot", "/handler_mode not_allowed"],
    ["handler_mode=ai&handler_mode=human", "/handler_mode not_allowed"],
    ["last_message_after=2026-02-30T00:00:00Z", "/last_message_after invalid_timestamp"],
    ["last_message_after=0000-01-01T00:00:00Z", "/last_message_after invalid_timestamp"],
    ["last_message_after=2026-01-01", "/last_message_after invalid_timestamp"],
    ["last_message_before=yesterday", "/last_message_before invalid_timestamp"],
    [`last_message_before=${param("2026-01-01T00:00:00+16:00")}`, "/last_message_before invalid_timestamp"],
    ["last_message_before=2026-01-01T00:00:00+01:00", "/last_message_before invalid_timestamp"],
    ["priority=highest", "/priority/0 not_allowed"],
    ["tag=", "/tag too_small"],
    [`tag=${"x".repeat(51)}`, "/tag too_large"],
    ["tag=vip&tag=late", "/tag invalid_type"],
    ["created_after=yesterday", "/created_after invalid_timestamp"],
    ["created_before=2026-01-01", "/created_before invalid_timestamp"],
    ["updated_after=0", "/updated_after invalid_timestamp"],
    ["updated_before=", "/updated_before invalid_timestamp"],
    ["sort=name", "/sort not_allowed"],
    ["sort=-status", "/sort not_allowed"],
    ["limit=0", "/limit too_small"],
    ["limit=101", "/limit too_large"],
    ["limit=-1", "/limit too_small"],
    ["limit=5.5", "/limit invalid_type"],
    ["limit=abc", "/limit invalid_type"],
    ["limit=", "/limit invalid_type"],
    ["limit=1e1", "/limit invalid_type"],
    ["limit=%2B5", "/limit invalid_type"],
    ["limit=5&limit=5", "/limit invalid_type"],
    ["limit=99999999999999999999", "/limit invalid_type"],
  ])("of %s is refused by name", async (query, fault) => {
    const { tenant } = await withConversations(0);
    expect(await refusal(tenant, `?${query}`)).toEqual({ status: 400, code: "validation_failed", faults: [fault] });
  });

  test("that is wrong in several ways is told all of them", async () => {
    const { tenant } = await withConversations(0);
    const { faults } = await refusal(tenant, "?status=closed&limit=0&contact_id=nobody&colour=red");
    expect(faults?.toSorted()).toEqual(
      ["/colour unknown_field", "/contact_id no_such_resource", "/limit too_small", "/status/0 not_allowed"].toSorted(),
    );
  });

  test.each(["1970-01-01T00:00:00+15:59", "9999-12-31T23:59:59-15:59", "2026-12-31T23:59:59.999999999Z"])(
    "may be as extreme as %s",
    async (at) => {
      const { tenant } = await withConversations(1);
      for (const field of ["last_message_after", "last_message_before"]) {
        expect((await tenant.get(`/v1/conversations?${field}=${param(at)}`)).status).toBe(200);
      }
    },
  );
});

describe("a filter by what people say of a conversation", () => {
  test("chooses by tag, priority and the times of its life", async () => {
    const { world, tenant, ids } = await withConversations(3);
    const [first, second, third] = ids as [Id<"conv">, Id<"conv">, Id<"conv">];
    const patch = (id: string, body: object) => tenant.get<Conversation>(`/v1/conversations/${id}`, { method: "PATCH", body });
    world.advance(minutes(1));
    await patch(first, { tags: ["vip", "late, again"], priority: "urgent" });
    world.advance(minutes(1));
    const { body: changed } = await patch(third, { tags: ["vip", "طلب"], priority: "low" });
    const shown = async (query: string) => idsOf(await list(tenant, `?${query}`));

    expect(await shown("tag=vip")).toEqual([third, first]);
    expect(await shown(`tag=${param("late, again")}`)).toEqual([first]);
    expect(await shown(`tag=${param(" طلب ")}`)).toEqual([third]);
    expect(await shown("tag=VIP")).toEqual([]);
    expect(await shown(`tag=${param('{"vip"}')}`)).toEqual([]);
    expect(await shown("priority=urgent")).toEqual([first]);
    expect(await shown("priority=low&priority=normal")).toEqual([third, second]);
    expect(await shown("tag=vip&priority=low&status=open")).toEqual([third]);

    const { body: middle } = await tenant.get<Conversation>(`/v1/conversations/${second}`);
    expect(await shown(`created_after=${middle.created_at}`)).toEqual([third]);
    expect(await shown(`created_before=${middle.created_at}`)).toEqual([first]);
    expect(await shown(`updated_after=${middle.updated_at}`)).toEqual([third, first]);
    expect(await shown(`updated_before=${changed.updated_at}`)).toEqual([second, first]);
    expect(await shown(`updated_after=${middle.updated_at}&updated_before=${changed.updated_at}`)).toEqual([first]);
  });
});

const sorts = ["-last_message_at", "last_message_at", "-created_at", "created_at", "-updated_at", "updated_at"] as const;

describe("sorted", () => {
  /** The first, second and third in order of creation; the third is the oldest by message, the second by change. */
  async function withOrders() {
    const made = await withConversations(3);
    const [first, second, third] = made.ids as [Id<"conv">, Id<"conv">, Id<"conv">];
    const at = (minute: number) => `2026-11-22T10:0${minute}:00.000Z`;
    await change(made.tenant, first, { last_message_at: at(3), updated_at: at(5) });
    await change(made.tenant, second, { last_message_at: at(2), updated_at: at(4), status: "pending" });
    await change(made.tenant, third, { last_message_at: at(1), updated_at: at(6) });
    const ascending = { last_message_at: [third, second, first], created_at: [first, second, third], updated_at: [second, first, third] };
    return { ...made, ascending };
  }

  test.each(sorts)("by %s, whatever the size of the pages, and of several statuses as of all", async (sort) => {
    const { tenant, ascending } = await withOrders();
    const in_order = ascending[sort.replace("-", "") as keyof typeof ascending];
    const expected = sort.startsWith("-") ? in_order.toReversed() : in_order;
    for (const of of [`?sort=${sort}`, `?sort=${sort}&status=open&status=pending&status=ended`]) {
      expect(idsOf(await list(tenant, of))).toEqual(expected);
      const seen: string[] = [];
      for (let cursor: string | null = ""; cursor !== null;) {
        const page: Page = await list(tenant, `${of}&limit=1${cursor && `&cursor=${param(cursor)}`}`);
        seen.push(...idsOf(page));
        cursor = page.next_cursor;
      }
      expect(seen).toEqual(expected);
    }
  });

  test("a cursor belongs to its order, and the default is an order like any other", async () => {
    const { tenant } = await withOrders();
    const { next_cursor } = await list(tenant, "?limit=1");
    const cursor = param(next_cursor!);
    expect((await tenant.get(`/v1/conversations?sort=-last_message_at&limit=1&cursor=${cursor}`)).status).toBe(200);
    expect(await refusal(tenant, `?sort=-created_at&limit=1&cursor=${cursor}`)).toMatchObject({ status: 400, code: "invalid_cursor" });
  });

  test.each(["updated_at", "-updated_at", "last_message_at"])(
    "by %s, rows of one and the same moment are neither lost nor repeated",
    async (sort) => {
      const { tenant, ids } = await withConversations(5);
      for (const id of ids)
        await change(tenant, id, { updated_at: "2026-11-22T10:00:00.000Z", last_message_at: "2026-11-22T10:00:00.000Z" });
      const first = await list(tenant, `?sort=${sort}&limit=3`);
      const second = await list(tenant, `?sort=${sort}&limit=3&cursor=${param(first.next_cursor!)}`);
      expect([...idsOf(first), ...idsOf(second)]).toEqual(sort.startsWith("-") ? ids.toReversed() : ids);
    },
  );
});

describe("a contact's conversations", () => {
  const of = async (tenant: Tenant, contact_id: string, query = "") =>
    (await tenant.get<Page>(`/v1/contacts/${contact_id}/conversations${query}`)).body;

  test("are theirs on every channel, the one with the newest message first", async () => {
    const world = await createWorld();
    const tenant = await world.tenant();
    const sms = await createSandbox(world, tenant, "twilio_sms");
    const number = freshNumber();
    const old = await tenant.hears("One", { from: `+${number}` });
    await tenant.post(`/v1/conversations/${old.id}/close`);
    const open = await tenant.hears("Two", { from: `+${number}` });
    const other = await sms.hears("Three", number);
    await tenant.hears("Somebody else");

    const { contact_id } = other;
    const { data } = await of(tenant, contact_id);
    expect(data.map(({ id }) => id)).toEqual([other.id, open.id, old.id]);
    expect(data[0]).toEqual((await tenant.get(`/v1/conversations/${other.id}`)).body);
    expect(idsOf(await of(tenant, contact_id, "?status=resolved"))).toEqual([old.id]);
    expect(idsOf(await of(tenant, contact_id, "?status=open&channel=whatsapp"))).toEqual([open.id]);
    expect(await of(tenant, contact_id, "?channel=instagram&include_total=true")).toMatchObject({ data: [], total_count: 0 });

    const first = await of(tenant, contact_id, "?limit=2&include_total=true");
    expect([idsOf(first), first.has_more]).toEqual([[other.id, open.id], true]);
    expect(first).toMatchObject({ total_count: 3 });
    expect(idsOf(await of(tenant, contact_id, `?limit=2&cursor=${param(first.next_cursor!)}`))).toEqual([old.id]);
    const elsewhere = [`/v1/conversations?cursor=`, `/v1/contacts/${(await tenant.hears("Hi")).contact_id}/conversations?cursor=`];
    for (const path of elsewhere)
      expect((await tenant.get(path + param(first.next_cursor!))).body).toMatchObject({ code: "invalid_cursor" });
  });

  test("are nobody's where the contact is deleted; the list of all still has them", async () => {
    const { tenant, ids } = await withConversations(1);
    const { contact_id } = (await list(tenant)).data[0]!;
    await tenant.delete(`/v1/contacts/${contact_id}`);
    expect((await tenant.get(`/v1/contacts/${contact_id}/conversations`)).status).toBe(404);
    expect(idsOf(await list(tenant, `?contact_id=${contact_id}`))).toEqual(ids);
  });

  test("take no other filters", async () => {
    const { tenant } = await withConversations(1);
    const { contact_id } = (await list(tenant)).data[0]!;
    const { status, body } = await tenant.get<Problem>(`/v1/contacts/${contact_id}/conversations?tag=vip&status=closed`);
    expect([status, body.errors?.map(({ pointer }) => pointer).toSorted()]).toEqual([400, ["/status/0", "/tag"]]);
  });
});

describe("pages", () => {
  test("of any sizes lose and repeat nothing, even where many conversations have one and the same time", async () => {
    const { tenant, ids } = await withConversations(13);
    const [early, late] = ["2026-11-22T10:15:12.480Z", "2026-11-22T10:15:12.481Z"];
    for (const [n, id] of ids.entries()) await change(tenant, id, { last_message_at: n % 3 === 0 ? late : early });
    const expected = [...ids.filter((_, n) => n % 3 === 0).toReversed(), ...ids.filter((_, n) => n % 3 !== 0).toReversed()];
    expect(idsOf(await list(tenant))).toEqual(expected);

    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 13 }), async (sizes) => {
        const seen: string[] = [];
        let page: Page | undefined;
        for (let n = 0; !page || page.next_cursor; n++) {
          const limit = sizes[n % sizes.length]!;
          page = await list(tenant, `?limit=${limit}${page?.next_cursor ? `&cursor=${param(page.next_cursor)}` : ""}`);
          expect(page.data.length).toBe(Math.min(limit, expected.length - seen.length));
          expect(page.has_more).toBe(page.next_cursor !== null);
          seen.push(...idsOf(page));
        }
        expect(seen).toEqual(expected);
      }),
      { numRuns: 12 },
    );
  });

  test("that are exactly full say whether there is more", async () => {
    const { tenant } = await withConversations(2);
    expect(await list(tenant, "?limit=2")).toMatchObject({ has_more: false, next_cursor: null });
    expect(await list(tenant, "?limit=1")).toMatchObject({ has_more: true });
  });

  test("go on below where they stopped, whoever writes meanwhile", async () => {
    const { world, tenant, ids } = await withConversations(4);
    const { next_cursor } = await list(tenant, "?limit=2");
    world.advance(minutes(1));
    await tenant.hears("I am new");
    expect(idsOf(await list(tenant, `?limit=2&cursor=${param(next_cursor!)}`))).toEqual([ids[1], ids[0]]);
  });

  test("keep their filters", async () => {
    const { tenant, ids } = await withConversations(4);
    await tenant.post(`/v1/conversations/${ids[1]}/close`);
    const first = await list(tenant, "?status=open&limit=2");
    expect(idsOf(first)).toEqual([ids[3], ids[2]]);
    expect(idsOf(await list(tenant, `?limit=2&status=open&cursor=${param(first.next_cursor!)}`))).toEqual([ids[0]]);
  });
});

describe("a cursor is refused", () => {
  test.each<[string, (cursor: string) => string]>([
    ["that was tampered with", (cursor) => cursor.replace(/^./, (first) => (first === "A" ? "B" : "A"))],
    ["whose signature was tampered with", (cursor) => cursor.replace(/.$/, (last) => (last === "A" ? "B" : "A"))],
    ["without its signature", (cursor) => cursor.split(".")[0]!],
    ["with something after it", (cursor) => `${cursor}.x`],
    ["that was made up", () => Buffer.from(JSON.stringify(["2026-11-22T10:15:12.480Z", createNewId()("conv")])).toString("base64url")],
    ["that is garbage", () => "😀 ' or 1=1 --"],
    ["that is empty", () => ""],
    ["of a thousand characters", () => "x".repeat(1000)],
  ])("%s", async (_, change_of) => {
    const { tenant } = await withConversations(2);
    const { next_cursor } = await list(tenant, "?limit=1");
    const answer = await refusal(tenant, `?limit=1&cursor=${param(change_of(next_cursor!))}`);
    expect(answer).toEqual({ status: 400, code: "invalid_cursor", faults: undefined });
  });

  test("of two thousand characters, by name: no such cursor is ever given", async () => {
    const { tenant } = await withConversations(0);
    expect(await refusal(tenant, `?cursor=${"x".repeat(2000)}`)).toEqual({
      status: 400,
      code: "validation_failed",
      faults: ["/cursor too_large"],
    });
  });

  test("by another list, another workspace and other filters", async () => {
    const { world, tenant, ids } = await withConversations(2);
    const neighbour = await world.tenant();
    const { next_cursor } = await list(tenant, "?limit=1&status=open");
    const cursor = `cursor=${param(next_cursor!)}`;
    const code = async (by: Tenant, path: string) => (await by.get(path)).body["code"];

    expect((await tenant.get(`/v1/conversations?limit=1&status=open&${cursor}`)).status).toBe(200);
    expect(await code(tenant, `/v1/conversations/${ids[0]}/messages?${cursor}`)).toBe("invalid_cursor");
    expect(await code(tenant, `/v1/webhook_deliveries?${cursor}`)).toBe("invalid_cursor");
    expect(await code(neighbour, `/v1/conversations?status=open&${cursor}`)).toBe("invalid_cursor");
    for (const filters of ["", "status=pending&", "status=open&status=pending&", "status=open&handler_mode=ai&"]) {
      expect(await code(tenant, `/v1/conversations?${filters}${cursor}`)).toBe("invalid_cursor");
    }
  });

  test("given twice", async () => {
    const { tenant } = await withConversations(2);
    const { next_cursor } = await list(tenant, "?limit=1");
    const cursor = `cursor=${param(next_cursor!)}`;
    expect(await refusal(tenant, `?${cursor}&${cursor}`)).toMatchObject({ status: 400, code: "validation_failed" });
  });
});

describe("one conversation", () => {
  test.each([
    ["is malformed", "conv_nothing"],
    ["is upper case", createNewId()("conv").toUpperCase()],
    ["names nothing", createNewId()("conv")],
    ["is a contact's", createNewId()("cont")],
  ])("is not found where its id %s", async (_, id) => {
    const { tenant } = await withConversations(0);
    const { status, body } = await tenant.get(`/v1/conversations/${id}`);
    expect([status, body["code"]]).toEqual([404, "not_found"]);
  });

  test("of another workspace is not found", async () => {
    const { world, ids } = await withConversations(1);
    const neighbour = await world.tenant();
    expect((await neighbour.get(`/v1/conversations/${ids[0]}`)).status).toBe(404);
    expect((await neighbour.get(`/v1/conversations/${ids[0]}/messages`)).status).toBe(404);
  });
});
