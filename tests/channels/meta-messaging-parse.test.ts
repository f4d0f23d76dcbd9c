import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { facebook_page } from "../../src/channels/providers/facebook-page.ts";
import { instagram } from "../../src/channels/providers/instagram.ts";
import type { InboundEvent } from "../../src/channels/providers/provider.ts";
import { expectStorable, mutated } from "../support/inbound-events.ts";
import { recorded, recordedTest } from "../support/payloads.ts";

const received_at = "2026-11-22T10:15:12.480Z";
const at_ms = 1795342500123;
const occurred_at = "2026-11-22T10:15:00.123Z";
const our_id = "msg_01m7x0q4w6e8r9t2y3v5n7b1c4";

const bytes = (body: unknown) => new TextEncoder().encode(JSON.stringify(body));
const page = (body: unknown): InboundEvent[] => facebook_page.parse(bytes(body), received_at);
const gram = (body: unknown): InboundEvent[] => instagram.parse(bytes(body), received_at);

/** One callback about one of our accounts, as Meta wraps it. */
const callback = (...messaging: object[]) => ({ object: "page", entry: [{ id: "account-7", time: at_ms, messaging }] });
const told = (part: object) => ({ sender: { id: "person-1" }, recipient: { id: "account-7" }, timestamp: at_ms, ...part });
const written = (message: object) => callback(told({ message: { mid: "m_in1", ...message } }));
const echoed = (message: object) =>
  callback({
    sender: { id: "account-7" },
    recipient: { id: "person-1" },
    timestamp: at_ms,
    message: { mid: "m_own1", is_echo: true, ...message },
  });

function theOnly(body: unknown, parse = page): InboundEvent {
  const events = parse(body);
  expect(events).toHaveLength(1);
  return events[0]!;
}

const text = (wording: string) => ({ type: "text", text: wording });
const file = (media_type: string, url: string | null, caption: string | null = null) => ({ type: "media", media_type, url, caption });
const attached = (type: string, payload?: object, more?: object) => ({ attachments: [{ type, ...(payload && { payload }), ...more }] });
const url = "https://cdn.example/1";

describe("a customer's message", () => {
  test("carries the id, the time and who wrote it, by the name the channel has for them", () => {
    const expected = {
      kind: "message",
      dedupe_key: "m_in1",
      external_id: "m_in1",
      account_id: "account-7",
      occurred_at,
      name: null,
      content: text("Is my parcel there?"),
      raw: expect.objectContaining({ timestamp: at_ms }) as unknown,
    };
    const body = written({ text: "Is my parcel there?" });
    expect(theOnly(body)).toEqual({ ...expected, from: [{ kind: "page_user", value: "person-1" }] });
    expect(theOnly(body, gram)).toEqual({ ...expected, from: [{ kind: "instagram_user", value: "person-1" }] });
  });

  test.each([
    ["milliseconds", at_ms, occurred_at],
    ["milliseconds in a string", String(at_ms), occurred_at],
    ["seconds", "1795342500", "2026-11-22T10:15:00.000Z"],
    ["ISO 8601", "2026-11-22T10:15:00+0000", "2026-11-22T10:15:00.000Z"],
    ["nothing", null, received_at],
  ])("may count its time in %s", (_, timestamp, expected) => {
    expect(theOnly(callback({ ...told({ message: { mid: "m_1", text: "Hi" } }), timestamp })).occurred_at).toBe(expected);
  });

  test.each<[string, object, object]>([
    ["a quick reply", { text: "Yes", quick_reply: { payload: "{}" } }, text("Yes")],
    ["a reply to a story", { text: "How much?", reply_to: { story: { id: "1", url } } }, text("How much?")],
    ["a reply to a story without words", { reply_to: { story: { id: "1", url } } }, text("[Replied to a story]")],
    ["a reply to a message", { text: "Yes", reply_to: { mid: "m_0" } }, text("Yes")],
    ["an advertisement's message", { text: "How much?", referral: { source: "ADS", ad_id: "1" } }, text("How much?")],
    ["what the API does not show", { is_unsupported: true }, text("[Unsupported message]")],
    ["an image", attached("image", { url }), file("image", url)],
    ["an image with words", { text: "Look", ...attached("image", { url }) }, file("image", url, "Look")],
    ["a video", attached("video", { url }), file("video", url)],
    ["a voice message", attached("audio", { url }), file("audio", url)],
    ["a file", attached("file", { url }), file("document", url)],
    ["a sticker", { sticker_id: 369239263222822, ...attached("image", { url, sticker_id: 369239263222822 }) }, file("sticker", url)],
    ["a file whose address is none", attached("image", { url: "javascript:0" }), file("image", null)],
    ["a story's mention", attached("story_mention", { url }), text(`📣 Mentioned you in a story: ${url}`)],
    ["a mention in a story that is gone", attached("story_mention"), text("📣 Mentioned you in a story: no longer there")],
    ["a shared post", attached("share", { url }), text(`🔗 Shared: ${url}`)],
    ["a shared reel", attached("ig_reel", { url, title: "Summer" }), text(`🔗 Shared: Summer ${url}`)],
    ["a link beside words that have it", { text: url, ...attached("fallback", undefined, { title: "Shop", url }) }, text(url)],
    ["a link alone", attached("fallback", undefined, { title: "Shop", url }), text(`🔗 Shared: Shop ${url}`)],
    ["a place", attached("location", { coordinates: { lat: 52.52, long: 13.405 } }), text("📍 Location: 52.52, 13.405")],
    ["a heart", attached("like_heart"), text("❤️")],
    ["a template", attached("template", { title: "Our offer" }), text("Our offer")],
    ["an attachment nobody knows", attached("hologram", { url }), text("[Unsupported message: hologram]")],
    ["an attachment called constructor", attached("constructor"), text("[Unsupported message: constructor]")],
    ["nothing", {}, text("[Unsupported message]")],
  ])("that is %s reads well", (_, message, content) => {
    for (const parse of [page, gram]) expect(theOnly(written(message), parse)).toMatchObject({ kind: "message", content });
  });

  test("with several files is a message for each, and none is lost", () => {
    const attachments = ["image", "video", "file"].map((type, n) => ({ type, payload: { url: `${url}${n}` } }));
    expect(page(written({ text: "All of them", attachments }))).toMatchObject([
      { dedupe_key: "m_in1", external_id: "m_in1", content: file("image", `${url}0`, "All of them") },
      { dedupe_key: "m_in1#2", external_id: "m_in1#2", content: file("video", `${url}1`) },
      { dedupe_key: "m_in1#3", external_id: "m_in1#3", content: file("document", `${url}2`) },
    ]);
  });

  test("that is a pressed button has its own id, or is known by what it says", () => {
    const pressed = (postback: object) => theOnly(callback(told({ postback })));
    expect(pressed({ mid: "m_p1", title: "Track order", payload: "track" })).toMatchObject({
      kind: "message",
      dedupe_key: "m_p1",
      external_id: "m_p1",
      content: text("Track order"),
    });
    const [once, twice, other] = [pressed({ payload: "START" }), pressed({ payload: "START" }), pressed({ payload: "STOP" })];
    expect(once).toMatchObject({
      kind: "message",
      external_id: expect.stringMatching(/^postback:[0-9a-f]{64}$/) as unknown,
      content: text("START"),
    });
    expect(twice.dedupe_key).toBe(once.dedupe_key);
    expect(other.dedupe_key).not.toBe(once.dedupe_key);
  });

  test("that is a reaction says so; one that is taken back, or is the account's own, says nothing", () => {
    const reacted = (reaction: object, more = {}) => theOnly(callback({ ...told({ reaction: { mid: "m_own0", ...reaction } }), ...more }));
    expect(reacted({ action: "react", emoji: "❤" })).toMatchObject({ kind: "message", content: text("Reacted with ❤") });
    expect(reacted({ action: "react", reaction: "love" })).toMatchObject({ kind: "message", content: text("Reacted with love") });
    expect(reacted({ action: "unreact" })).toMatchObject({ kind: "ignored", why: "a reaction was taken back" });
    expect(reacted({ action: "react", emoji: "❤" }, { sender: { id: "account-7" } })).toMatchObject({ kind: "ignored" });
  });
});

describe("a revision", () => {
  test("is an edit or a deletion of the message it names", () => {
    expect(theOnly(callback(told({ message_edit: { mid: "m_in0", text: "Tomorrow", num_edit: 1 } })))).toMatchObject({
      kind: "revision",
      external_id: "m_in0",
      occurred_at,
      content: text("Tomorrow"),
    });
    expect(theOnly(written({ is_deleted: true }), gram)).toMatchObject({ kind: "revision", external_id: "m_in1", content: null });
  });
});

describe("an echo", () => {
  test("is a message of the business to a person, and names our own if it is one", () => {
    expect(theOnly(echoed({ text: "On its way", app_id: 7, metadata: our_id }))).toEqual({
      kind: "echo",
      dedupe_key: "echo:m_own1",
      external_id: "m_own1",
      account_id: "account-7",
      occurred_at,
      to: [{ kind: "page_user", value: "person-1" }],
      content: text("On its way"),
      message_id: our_id,
      raw: expect.any(Object) as unknown,
    });
  });

  test.each([["somebody else's"], [`conv_${our_id.slice(4)}`], [7], [null]])("that carries %j names no message of ours", (metadata) => {
    expect(theOnly(echoed({ text: "On its way", metadata }))).toMatchObject({ kind: "echo", message_id: null });
  });
});

describe("a report", () => {
  test("of reading is of one message on Instagram, of all up to a moment on Messenger", () => {
    expect(theOnly(callback(told({ read: { mid: "m_own1" } })), gram)).toMatchObject({
      kind: "status",
      dedupe_key: `m_own1+read+${at_ms}`,
      external_id: "m_own1",
      status: "read",
      occurred_at,
      message_id: null,
    });
    expect(theOnly(callback(told({ read: { watermark: at_ms - 1000 } })))).toMatchObject({
      kind: "watermark",
      status: "read",
      person: { kind: "page_user", value: "person-1" },
      until: "2026-11-22T10:14:59.123Z",
      occurred_at,
    });
  });

  test("of delivery names messages, and covers all before", () => {
    const { timestamp: _, ...untimed } = told({ delivery: { mids: ["m_own1", 7, null, "m_own2"], watermark: at_ms } });
    expect(page(callback(untimed))).toMatchObject([
      { kind: "status", external_id: "m_own1", status: "delivered", occurred_at },
      { kind: "status", external_id: "7", status: "delivered", occurred_at },
      { kind: "status", external_id: "m_own2", status: "delivered", occurred_at },
      { kind: "watermark", status: "delivered", until: occurred_at, occurred_at },
    ]);
  });

  test("keeps of each message what it says of it; beyond a limit the moment says all", () => {
    const mids = Array.from({ length: 1000 }, (_, n) => `m_own${n}`);
    const events = page(callback(told({ delivery: { mids, watermark: at_ms } })));
    expect(events).toHaveLength(501);
    expect(events[0]!.raw).toEqual({
      sender: "person-1",
      recipient: "account-7",
      timestamp: String(at_ms),
      watermark: String(at_ms),
      mid: "m_own0",
    });
    expect(events.at(-1)).toMatchObject({ kind: "watermark" });
  });

  test.each([[{ read: {} }], [{ delivery: {} }], [{ read: { watermark: 1 }, sender: {} }]])("%j covers nothing", (part) => {
    expect(theOnly(callback(told(part)))).toMatchObject({ kind: "ignored" });
  });
});

describe("what nobody said is recorded, with a reason", () => {
  const entry = (parts: object) => ({ entry: [{ id: "account-7", time: at_ms, ...parts }] });
  test.each<[string, unknown, string]>([
    [
      "a conversation that another app has",
      entry({ standby: [told({ message: { mid: "m_1", text: "Hi" } })] }),
      "standby: another app has the conversation",
    ],
    ["a comment", entry({ changes: [{ field: "feed", value: {} }] }), "feed: of no effect here"],
    ["a referral", callback(told({ referral: { ref: "x", source: "SHORTLINK" } })), "referral: of no effect here"],
    ["an opt-in", callback(told({ optin: { ref: "x" } })), "optin: of no effect here"],
    ["a hand-over", callback(told({ pass_thread_control: { new_owner_app_id: 1 } })), "pass_thread_control: of no effect here"],
    ["an event without content", callback(told({})), "an empty event: of no effect here"],
    ["a message without an id", callback(told({ message: { text: "Hi" } })), "a message without an id"],
    ["a message from nobody", callback({ message: { mid: "m_1", text: "Hi" } }), "a message that names nobody"],
    ["an empty button", callback(told({ postback: {} })), "nothing in it can be read"],
    ["an edit of nothing", callback(told({ message_edit: {} })), "an edit without its message or its text"],
    ["an entry without events", entry({}), "an entry without events"],
    ["an entry that is none", { entry: [7] }, "an entry without events"],
    ["a body without entries", {}, "nothing in it is known here"],
  ])("%s", (_, body, why) => {
    for (const parse of [page, gram]) expect(theOnly(body, parse)).toMatchObject({ kind: "ignored", why });
  });
});

test("everything in one callback is told, of all its accounts", () => {
  const body = {
    entry: [
      { id: "account-7", messaging: [told({ message: { mid: "m_1", text: "Hi" } }), told({ read: { watermark: at_ms } })] },
      { id: "account-8", messaging: [told({ message: { mid: "m_2", text: "Hello" } })], changes: [{ field: "feed" }] },
    ],
  };
  expect(page(body).map(({ kind, account_id }) => [kind, account_id])).toEqual([
    ["message", "account-7"],
    ["watermark", "account-7"],
    ["message", "account-8"],
    ["ignored", "account-8"],
  ]);
});

describe("garbage", () => {
  const fixtures = [
    written({ text: "Hi", quick_reply: { payload: "p" }, reply_to: { story: { id: "1", url } } }),
    written(attached("image", { url, sticker_id: 1 })),
    written(attached("location", { coordinates: { lat: 1, long: 2 } })),
    written(attached("fallback", undefined, { title: "t", url })),
    echoed({ text: "Hi", metadata: our_id }),
    callback(told({ postback: { title: "t", payload: "p" } }), told({ reaction: { mid: "m", action: "react", emoji: "❤" } })),
    callback(told({ delivery: { mids: ["m_1", "m_2"], watermark: at_ms } }), told({ read: { watermark: at_ms } })),
    callback(told({ read: { mid: "m_1" } }), told({ message_edit: { mid: "m_1", text: "t" } })),
    { entry: [{ id: "1", standby: [told({ message: { mid: "m", text: "t" } })], changes: [{ field: "feed" }] }] },
  ];

  test("of any shape becomes events that can be stored", () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => expectStorable(page(value))));
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => expectStorable(instagram.parse(raw, received_at))));
  });

  test("in the place of any part of a callback does no harm", () => {
    fc.assert(
      fc.property(mutated(fixtures), (body) => (expectStorable(page(body)), expectStorable(gram(body)))),
      { numRuns: 600 },
    );
  });

  recordedTest.each(["instagram", "messenger"])("in the place of any part of a recorded callback of %s does no harm", (channel) => {
    const recordings = recorded(`${channel}/inbound`).map(({ raw }) => JSON.parse(new TextDecoder().decode(raw)) as unknown);
    fc.assert(
      fc.property(mutated(recordings), (body) => (expectStorable(page(body)), expectStorable(gram(body)))),
      { numRuns: 600 },
    );
  });
});

describe("every recorded callback becomes what is expected of it, and can be stored", () => {
  const expected: Record<string, InboundEvent["kind"][]> = {
    "chatwoot-dashboard-test-event": ["message"],
    "chatwoot-seen": ["status"],
    "chatwoot-share-attachment": ["message"],
    "chatwoot-standby": ["ignored"],
    "chatwoot-story-mention-echo": ["echo"],
    "jgorset-delivery": ["status", "status", "watermark"],
    "jgorset-message": ["message"],
    "jgorset-message-echo": ["echo"],
    "jgorset-optin": ["ignored"],
    "jgorset-postback": ["message"],
    "jgorset-read": ["watermark"],
    "vercel-replay-echo-message": ["echo"],
    "vercel-replay-legacy-postback": ["message"],
    "vercel-replay-quick-reply": ["message"],
    "vercel-replay-reaction-added": ["message"],
    "vercel-replay-read-confirmation": ["watermark"],
    "vercel-sample-echo": ["echo"],
    "vercel-sample-image-attachment": ["message"],
    "vercel-sample-postback": ["message"],
    "vercel-sample-quick-reply": ["message"],
    "vercel-sample-reaction": ["message"],
    "vercel-sample-story-mention": ["message"],
    "vercel-sample-story-reply": ["message"],
    "vercel-sample-text-dm": ["message"],
  };

  recordedTest.each([
    ["instagram", instagram],
    ["messenger", facebook_page],
  ] as const)("of %s", (channel, provider) => {
    const recordings = recorded(`${channel}/inbound`);
    expect(recordings.length).toBeGreaterThan(9);
    for (const { name, raw } of recordings) {
      const events = provider.parse(raw, received_at);
      expect([name, events.map(({ kind }) => kind)]).toEqual([name, expected[name]]);
      expectStorable(events);
      for (const { account_id, occurred_at: at } of events) {
        expect(account_id, name).not.toBe("");
        expect(at < received_at, name).toBe(true);
      }
    }
  });
});
