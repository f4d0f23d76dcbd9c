import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Message } from "../../src/messages/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { createNewId } from "../../src/core/ids.ts";
import { createWorld, type Tenant } from "../support/world.ts";

interface Page {
  data: Message[];
  has_more: boolean;
  next_cursor: string | null;
}

async function withMessages(count: number) {
  const world = await createWorld();
  const tenant = await world.tenant();
  const { id, from } = await tenant.hears("No 0");
  for (let n = 1; n < count; n++) {
    // Both sides speak.
    if (n % 2 === 0) await tenant.hears(`No ${n}`, { from });
    else await tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: `No ${n}` } });
  }
  return { world, tenant, id, from };
}

const list = async (tenant: Tenant, id: string, query = "") => (await tenant.get<Page>(`/v1/conversations/${id}/messages${query}`)).body;
const textsOf = ({ data }: Page) => data.map(({ content }) => (content.type === "text" ? content.text : ""));
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `No ${n}`);
const param = encodeURIComponent;

test("the messages of a conversation are the newest first, or the oldest", async () => {
  const { tenant, id } = await withMessages(5);
  expect(textsOf(await list(tenant, id))).toEqual(numbered(5).toReversed());
  expect(textsOf(await list(tenant, id, "?order=desc"))).toEqual(numbered(5).toReversed());
  expect(textsOf(await list(tenant, id, "?order=asc"))).toEqual(numbered(5));
});

test("each is shown as it is read alone, and no other conversation's is among them", async () => {
  const { tenant, id } = await withMessages(3);
  await tenant.hears("Somebody else");
  const { data } = await list(tenant, id);
  expect(data).toHaveLength(3);
  for (const message of data) expect((await tenant.get(`/v1/messages/${message.id}`)).body).toEqual(message);
});

test.each(["asc", "desc"] as const)("pages in the order %s lose and repeat nothing", async (order) => {
  const { tenant, id } = await withMessages(9);
  const expected = order === "asc" ? numbered(9) : numbered(9).toReversed();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 9 }), async (sizes) => {
      const seen: string[] = [];
      let page: Page | undefined;
      for (let n = 0; !page || page.next_cursor; n++) {
        const cursor = page?.next_cursor ? `&cursor=${param(page.next_cursor)}` : "";
        page = await list(tenant, id, `?order=${order}&limit=${sizes[n % sizes.length]}${cursor}`);
        seen.push(...textsOf(page));
      }
      expect(seen).toEqual(expected);
    }),
    { numRuns: 8 },
  );
});

test("a page in ascending order goes on with what was written since", async () => {
  const { tenant, id, from } = await withMessages(3);
  const first = await list(tenant, id, "?order=asc&limit=2");
  await tenant.hears("No 3", { from });
  expect(textsOf(await list(tenant, id, `?order=asc&cursor=${param(first.next_cursor!)}`))).toEqual(["No 2", "No 3"]);
});

describe("is refused", () => {
  const refusal = async (tenant: Tenant, path: string) => {
    const { status, body } = await tenant.get<Problem>(path);
    return [status, body.code, body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)];
  };

  test.each([
    ["is malformed", "conv_nothing"],
    ["names nothing", createNewId()("conv")],
    ["is a message's", createNewId()("msg")],
  ])("where the conversation's id %s", async (_, id) => {
    const { tenant } = await withMessages(1);
    expect(await refusal(tenant, `/v1/conversations/${id}/messages`)).toEqual([404, "not_found", undefined]);
  });

  test.each([
    ["order=up", "/order not_allowed"],
    ["order=asc&order=desc", "/order not_allowed"],
    ["limit=0", "/limit too_small"],
    ["limit=101", "/limit too_large"],
    ["limit=5.5", "/limit invalid_type"],
    ["limit=abc", "/limit invalid_type"],
    ["direction=inbound", "/direction unknown_field"],
    ["conversation_id=conv_01h455vb4pex5vsknk084sn02q", "/conversation_id unknown_field"],
  ])("with %s", async (query, fault) => {
    const { tenant, id } = await withMessages(1);
    expect(await refusal(tenant, `/v1/conversations/${id}/messages?${query}`)).toEqual([400, "validation_failed", [fault]]);
  });

  test("with a cursor of the other order, or of another conversation", async () => {
    const { tenant, id } = await withMessages(3);
    const other = await tenant.hears("Somebody else");
    const cursor = param((await list(tenant, id, "?order=asc&limit=1")).next_cursor!);
    for (const path of [
      `/v1/conversations/${id}/messages?order=desc&cursor=${cursor}`,
      `/v1/conversations/${id}/messages?cursor=${cursor}`,
      `/v1/conversations/${other.id}/messages?order=asc&cursor=${cursor}`,
      `/v1/conversations?cursor=${cursor}`,
    ]) {
      expect(await refusal(tenant, path)).toEqual([400, "invalid_cursor", undefined]);
    }
    expect((await list(tenant, id, `?order=asc&limit=100&cursor=${cursor}`)).data).toHaveLength(2);
  });

  test("to those who may not read", async () => {
    const { world, tenant, id } = await withMessages(1);
    const { token } = await tenant.mint({ scopes: ["write", "admin"] });
    const { status, body } = await world.request(`/v1/conversations/${id}/messages`, { key: token });
    expect([status, body["required_scope"]]).toEqual([403, "read"]);
  });
});
