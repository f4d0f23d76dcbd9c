import { expect, test } from "vitest";
import { no_example } from "../../src/core/example.ts";
import { pricing } from "../../src/core/pricing.ts";
import { assertMatches, document } from "../support/document.ts";
import { createWorld } from "../support/world.ts";

type Thing = Record<string, unknown>;

/** Everything that the document shows as an example, and where. */
const examples: [where: string, example: unknown][] = [
  ...Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { requestBody, responses }]) =>
      [requestBody, ...Object.values(responses)].flatMap((holder) =>
        holder && "content" in holder
          ? Object.values(holder.content ?? {}).map(({ example }): [string, unknown] => [`${method} ${path}`, example])
          : [],
      ),
    ),
  ),
  ...Object.entries(document.webhooks).map(([type, { post }]): [string, unknown] => {
    const { requestBody } = post as { requestBody: { content: Record<string, { example: unknown }> } };
    return [type, requestBody.content["application/json"]!.example];
  }),
  ...Object.entries(document.components.schemas).flatMap(([name, { examples: own }]) =>
    Array.isArray(own) ? own.map((example, at): [string, unknown] => [`${name} ${at}`, example]) : [],
  ),
];

/** Each object in a value, the value itself too. */
function thingsIn(value: unknown): Thing[] {
  if (value === null || typeof value !== "object") return [];
  const inner = Object.values(value).flatMap(thingsIn);
  return Array.isArray(value) ? inner : [value as Thing, ...inner];
}

const shown = examples.flatMap(([where, example]) => thingsIn(example).map((thing) => ({ where, thing })));

test("the examples are those of all operations, events and schemas", () => {
  expect(examples.length).toBeGreaterThan(150);
});

test("no example is filled in", async () => {
  const tenant = await (await createWorld()).tenant();
  const { body } = await tenant.get<Thing>("/v1/event_types");
  for (const { where, thing } of [...shown, ...thingsIn(body).map((one) => ({ where: "/v1/event_types", thing: one }))]) {
    const idle = Object.entries(thing).filter(
      ([field, value]) => value === no_example || (value === "text" && !["type", "kind", "format", "const"].includes(field)),
    );
    expect(idle, where).toEqual([]);
  }
});

test("a schema takes its own examples", () => {
  for (const [name, schema] of Object.entries(document.components.schemas)) {
    for (const example of (schema["examples"] as unknown[] | undefined) ?? []) {
      assertMatches({ $ref: `#/components/schemas/${name}` }, example, `an example of ${name}`);
    }
  }
});

const isSet = (value: unknown): boolean => value !== null && value !== undefined;
const inOrder = (...moments: unknown[]): boolean => {
  const known = moments.filter(isSet);
  return known.every((moment, at) => at === 0 || String(known[at - 1]) <= String(moment));
};
const secondsBetween = (from: unknown, to: unknown): number => Math.floor((Date.parse(String(to)) - Date.parse(String(from))) / 1000);
const isOpen = ({ status }: Thing): boolean => status === "open" || status === "pending";

/** What holds of every thing of a kind, in whatever state it is. */
const rules: Record<string, Record<string, (thing: Thing) => boolean>> = {
  conversation: {
    "closed_at says that it is closed": (it) => isSet(it["closed_at"]) === !isOpen(it),
    "closed_by says that it is closed": (it) => isSet(it["closed_by"]) === !isOpen(it),
    "duration_seconds is what its times say": (it) =>
      it["duration_seconds"] === (isOpen(it) ? null : secondsBetween(it["created_at"], it["closed_at"])),
    "no timer runs for what is not open": (it) => it["status"] === "open" || it["inactivity_closes_at"] === null,
    "it has a preview if it has messages": (it) => isSet(it["last_message_preview"]) === Number(it["message_count"]) > 0,
    "a member who has it is a person": (it) => it["assignee_id"] === null || it["handler_mode"] === "human",
    "its page is its own": (it) => String(it["portal_url"]).endsWith(String(it["id"])),
    "its times are in order": (it) =>
      inOrder(it["created_at"], it["last_inbound_at"], it["first_response_at"], it["last_message_at"], it["closed_at"], it["updated_at"]),
  },
  message: {
    "only what comes in is received": (it) => (it["status"] === "received") === (it["direction"] === "inbound"),
    "a contact writes what comes in": (it) => ((it["sender"] as Thing)["type"] === "contact") === (it["direction"] === "inbound"),
    "the sender is the contact": ({ sender, contact_id }) =>
      (sender as Thing)["type"] !== "contact" || (sender as Thing)["id"] === contact_id,
    "what is queued was not sent": (it) => it["status"] !== "queued" || [it["sent_at"], it["external_id"]].every((value) => value === null),
    "what was read has arrived": (it) => it["status"] !== "read" || [it["sent_at"], it["delivered_at"], it["read_at"]].every(isSet),
    "failed_at says that it failed": (it) => isSet(it["failed_at"]) === (it["status"] === "failed"),
    "it cost what its direction costs": (it) => it["credits"] === pricing.prices[`messages_${it["direction"] as "inbound" | "outbound"}`],
    "its times are in order": (it) => inOrder(it["sent_at"], it["delivered_at"], it["read_at"], it["updated_at"]),
  },
  list: { "it has more if it has a cursor": (it) => it["has_more"] === isSet(it["next_cursor"]) },
  billing: {
    "what remains is what was not spent": (it) => it["remaining_credits"] === Number(it["included_credits"]) - Number(it["spent_credits"]),
  },
  usage: {
    "its metrics add up": (it) => it["credits"] === (it["metrics"] as { credits: number }[]).reduce((sum, { credits }) => sum + credits, 0),
  },
  channel: {
    "its provider is its own": (it) => "deleted" in it || it["provider"] === it["channel"],
    "an error says why": (it) => "deleted" in it || isSet(it["error"]) === (it["status"] === "error"),
  },
  api_key: { "revoked_at says that it is revoked": (it) => isSet(it["revoked_at"]) === (it["status"] === "revoked") },
  ticket: {
    "closed_at says that it is closed": (it) => isSet(it["closed_at"]) === (it["status"] === "closed"),
  },
  team_member: {
    "an invitation runs until it is accepted": (it) =>
      "deleted" in it || isSet(it["invitation_expires_at"]) === (it["status"] === "invited"),
  },
  note: { "it is of a conversation or of a ticket": (it) => "deleted" in it || isSet(it["conversation_id"]) !== isSet(it["ticket_id"]) },
  webhook_endpoint: {
    "its status is what its fields say": (it) =>
      "deleted" in it || it["status"] === (it["enabled"] ? (isSet(it["failing_since"]) ? "failing" : "active") : "disabled"),
  },
  webhook_delivery: {
    "what is pending is due": (it) => isSet(it["next_attempt_at"]) === (it["status"] === "pending"),
    "what succeeded was answered": (it) => it["status"] !== "succeeded" || (it["last_status_code"] === 200 && it["last_error"] === null),
    "its times are in order": (it) => inOrder(it["created_at"], it["last_attempt_at"], it["completed_at"], it["updated_at"]),
  },
  job: {
    "completed_at says that it is over": (it) => isSet(it["completed_at"]) === ["succeeded", "failed"].includes(String(it["status"])),
  },
};

const feeds = ["get /v1/events", "EventList 0"];

test.each(Object.entries(rules).flatMap(([kind, those]) => Object.entries(those).map(([rule, holds]) => ({ kind, rule, holds }))))(
  "in no example is it untrue of a $kind that $rule",
  ({ kind, holds }) => {
    const of_kind = shown.filter(({ where, thing }) => thing["object"] === kind && !(kind === "list" && feeds.includes(where)));
    expect(of_kind.length).toBeGreaterThan(0);
    for (const { where, thing } of of_kind) expect(holds(thing), `${where}: ${JSON.stringify(thing)}`).toBe(true);
  },
);

test("a feed is never at its end", () => {
  const pages = examples.filter(([where]) => feeds.includes(where)).map(([, page]) => page as Thing);
  expect(pages).toHaveLength(feeds.length);
  for (const page of pages) expect(page["next_cursor"]).toEqual(expect.any(String));
});

test("an event tells of what it names, after it happened", () => {
  const events = shown.map(({ thing }) => thing).filter(({ type, data }) => String(type) in document.webhooks && isSet(data));
  expect(events.length).toBeGreaterThan(4);
  for (const { timestamp, data } of events) {
    const { conversation, message, ...said } = data as Record<string, Thing>;
    for (const moment of [conversation?.["closed_at"], conversation?.["updated_at"], message?.["updated_at"]]) {
      expect(inOrder(moment, timestamp)).toBe(true);
    }
    if (message) expect(message["conversation_id"]).toBe(conversation!["id"]);
    if (!("closed_by" in said)) continue;
    const { conversation_id, ...repeated } = said;
    expect(conversation).toMatchObject({ id: conversation_id, ...repeated });
  }
});

test("what is sent is answered with what the contact is to read", () => {
  const sent = document.paths["/v1/conversations/{conversation_id}/messages"]!["post"]!;
  const answer = sent.responses["201"] as { content: Record<string, { example: Thing }> };
  const { content, client_reference } = sent.requestBody!.content["application/json"]!.example as Thing;
  expect(answer.content["application/json"]!.example).toMatchObject({
    direction: "outbound",
    status: "queued",
    content,
    client_reference,
  });
});
