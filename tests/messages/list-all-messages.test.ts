import { describe, expect, test } from "vitest";
import type { Message } from "../../src/messages/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId } from "../../src/core/ids.ts";
import { minutes } from "../../src/core/time.ts";
import { createSandbox, freshNumber } from "../support/channels.ts";
import { createWorld, type Tenant } from "../support/world.ts";

interface Page {
  data: Message[];
  has_more: boolean;
  next_cursor: string | null;
  total_count?: number;
}

/** Two conversations on WhatsApp, a minute apart, and one by SMS; one answer was delivered, one is queued. */
async function withTraffic() {
  const world = await createWorld();
  const tenant = await world.tenant();
  const sms = await createSandbox(world, tenant, "twilio_sms");
  const send = (id: string, text: string) => tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text } });

  const first = await tenant.hears("one");
  await send(first.id, "two");
  await world.sendQueued();
  world.advance(minutes(1));
  const between = world.now();
  world.advance(minutes(1));
  const second = await tenant.hears("three");
  const third = await sms.hears("four", freshNumber());
  await send(third.id, "five");
  return { world, tenant, between, first, second, third };
}

const list = async (tenant: Tenant, query = "") => {
  const { status, body } = await tenant.get<Page>(`/v1/messages${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
};
const textsOf = ({ data }: Page) => data.map(({ content }) => (content.type === "text" ? content.text : ""));

test("the messages of all conversations are the newest first, each as it is read alone", async () => {
  const { tenant } = await withTraffic();
  const page = await list(tenant);
  expect(textsOf(page)).toEqual(["five", "four", "three", "two", "one"]);
  expect([page.has_more, page.next_cursor]).toEqual([false, null]);
  for (const message of page.data) expect((await tenant.get(`/v1/messages/${message.id}`)).body).toEqual(message);
});

test("no other workspace's is among them", async () => {
  const { world } = await withTraffic();
  expect((await list(await world.tenant())).data).toEqual([]);
});

test("filters choose, alone and together, and the number is that of the chosen", async () => {
  const { tenant, between, first, third } = await withTraffic();
  const expected: [string, string[]][] = [
    ["channel=twilio_sms", ["five", "four"]],
    ["channel=twilio_sms&channel=whatsapp", ["five", "four", "three", "two", "one"]],
    ["channel=web_widget", []],
    ["direction=outbound", ["five", "two"]],
    ["direction=inbound&channel=whatsapp", ["three", "one"]],
    ["status=delivered", ["two"]],
    ["status=queued", ["five"]],
    ["status=delivered&status=received", ["four", "three", "two", "one"]],
    [`conversation_id=${first.id}`, ["two", "one"]],
    [`contact_id=${third.contact_id}`, ["five", "four"]],
    [`conversation_id=${first.id}&contact_id=${third.contact_id}`, []],
    [`created_after=${between}`, ["five", "four", "three"]],
    [`created_before=${between}`, ["two", "one"]],
    [`updated_after=${between}&direction=inbound`, ["four", "three"]],
  ];
  for (const [query, texts] of expected) {
    const page = await list(tenant, `?include_total=true&${query}`);
    expect([textsOf(page), page.total_count], query).toEqual([texts, texts.length]);
  }
});

test("one that waits for another try counts as queued", async () => {
  const { world, tenant } = await withTraffic();
  // The sandbox asks to be left alone for a while by this number.
  const { id } = await tenant.hears("Hello", { from: "+15550100002" });
  const { body } = await tenant.post<Message>(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "again" } });
  await world.sendQueued();
  expect((await list(tenant, "?status=queued")).data.map((message) => message.id)).toContain(body.id);
});

test("a change of status is seen by whoever asks what was updated since", async () => {
  const { world, tenant } = await withTraffic();
  world.advance(minutes(1));
  const since = world.now();
  expect(textsOf(await list(tenant, `?updated_after=${since}`))).toEqual([]);
  world.advance(1);
  await world.sendQueued();
  const changed = await list(tenant, `?updated_after=${since}`);
  expect(textsOf(changed)).toEqual(["five"]);
  expect(changed.data[0]!.status).toBe("delivered");
});

describe("is refused", () => {
  test.each([
    ["order=up", "/order not_allowed"],
    ["status=lost", "/status/0 not_allowed"],
    ["channel=fax", "/channel/0 not_allowed"],
    ["direction=sideways", "/direction not_allowed"],
    ["created_after=yesterday", "/created_after invalid_timestamp"],
    ["include_total=maybe", "/include_total invalid_type"],
    ["limit=0", "/limit too_small"],
    ["sort=id", "/sort unknown_field"],
    [`conversation_id=${createNewId()("conv")}`, "/conversation_id no_such_resource"],
    [`contact_id=${createNewId()("cont")}`, "/contact_id no_such_resource"],
    ["contact_id=conv_01h455vb4pex5vsknk084sn02q", "/contact_id no_such_resource"],
  ])("%s", async (query, fault) => {
    const tenant = await (await createWorld()).tenant();
    const { status, body } = await tenant.get<Problem>(`/v1/messages?${query}`);
    expect([status, body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)]).toEqual([400, [fault]]);
  });

  test("a cursor of the other order", async () => {
    const { tenant } = await withTraffic();
    const { next_cursor } = await list(tenant, "?limit=1");
    const { status, body } = await tenant.get<Problem>(`/v1/messages?order=asc&cursor=${next_cursor}`);
    expect([status, body.code]).toEqual([400, "invalid_cursor"]);
  });
});
