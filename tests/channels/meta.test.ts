import { createHmac } from "node:crypto";
import { sign } from "@octokit/webhooks-methods";
import { describe, expect, test } from "vitest";
import { graphError } from "../../src/channels/providers/graph.ts";
import { meaningOf } from "../../src/channels/providers/meta-errors.ts";
import { handshake, verify } from "../../src/channels/providers/meta.ts";
import { at, cut, idAt, listAt, readCallback, textAt, timeAt } from "../../src/channels/providers/read.ts";
import { recorded, recordedTest } from "../support/payloads.ts";

const credentials = { app_secret: "an app's secret", verify_token: "a token of ours" };
const bytes = (text: string) => new TextEncoder().encode(text);
const signed = (body: string, secret = credentials.app_secret) => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
const request = (body: string, signature?: string) => ({
  url: "https://api.wassla.test/hooks/meta/chan_01m7x0q4w6e8r9t2y3v5n7b1c4",
  raw: bytes(body),
  header: (name: string) => (name.toLowerCase() === "x-hub-signature-256" ? signature : undefined),
});

describe("the signature", () => {
  const body = `{"entry":[],"name":"سارة \\u00e9"}`;

  test("of the very bytes is accepted, in either case of hex", () => {
    expect(verify(request(body, signed(body)), credentials)).toBe(true);
    expect(verify(request(body, `sha256=${signed(body).slice(7).toUpperCase()}`), credentials)).toBe(true);
  });

  recordedTest.each(["whatsapp", "instagram", "messenger"])("that another library makes of a callback of %s is ours", async (channel) => {
    const recordings = recorded(`${channel}/inbound`);
    expect(recordings).not.toEqual([]);
    for (const { name, raw } of recordings) {
      const text = new TextDecoder().decode(raw);
      const signature = await sign(credentials.app_secret, text);
      expect(verify(request(text, signature), credentials), name).toBe(true);
      expect(verify(request(`${text} `, signature), credentials), name).toBe(false);
    }
  });

  test.each([
    ["is missing", undefined],
    ["is empty", ""],
    ["has another secret", signed(body, "another secret")],
    ["is of another body", signed(`${body} `)],
    ["is not hex", `sha256=${"z".repeat(64)}`],
    ["is too short", signed(body).slice(0, -2)],
    ["is too long", `${signed(body)}00`],
    ["names no algorithm", signed(body).slice(7)],
    ["names another algorithm", signed(body).replace("sha256", "sha1")],
    ["is given twice", `${signed(body)}, ${signed(body)}`],
    ["ends in a line break", `${signed(body)}\n`],
  ])("that %s is refused", (_, signature) => {
    expect(verify(request(body, signature), credentials)).toBe(false);
  });

  test("is refused where the channel has no secret to compare with", () => {
    expect(verify(request(body, signed(body, "")), {})).toBe(false);
    expect(verify(request(body, signed(body, "")), { app_secret: "" })).toBe(false);
  });
});

describe("the handshake", () => {
  const query = (changes: Record<string, string | null> = {}) => {
    const asked = new URLSearchParams({
      "hub.mode": "subscribe",
      "hub.verify_token": credentials.verify_token,
      "hub.challenge": "1158201444",
    });
    for (const [name, value] of Object.entries(changes)) {
      if (value === null) asked.delete(name);
      else asked.set(name, value);
    }
    return asked;
  };

  test("answers the challenge to who knows the token", () => {
    expect(handshake(query(), credentials)).toBe("1158201444");
  });

  test.each([
    ["another token", { "hub.verify_token": "a token of theirs" }],
    ["no token", { "hub.verify_token": null }],
    ["an empty token", { "hub.verify_token": "" }],
    ["another mode", { "hub.mode": "unsubscribe" }],
    ["no mode", { "hub.mode": null }],
    ["no challenge", { "hub.challenge": null }],
  ])("refuses %s", (_, changes) => {
    expect(handshake(query(changes), credentials)).toBeUndefined();
  });

  test("refuses everybody where the channel has no token", () => {
    expect(handshake(query({ "hub.verify_token": "" }), { verify_token: "" })).toBeUndefined();
    expect(handshake(query({ "hub.verify_token": "undefined" }), {})).toBeUndefined();
  });
});

describe("a provider's time", () => {
  const received_at = "2026-11-22T10:15:12.480Z";

  test.each([
    ["seconds as a string", "1795342500", "2026-11-22T10:15:00.000Z"],
    ["seconds as a number", 1795342500, "2026-11-22T10:15:00.000Z"],
    ["milliseconds", 1795342500123, "2026-11-22T10:15:00.123Z"],
    ["milliseconds as a string", "1795342500123", "2026-11-22T10:15:00.123Z"],
    ["ISO with an offset", "2026-11-22T11:15:00+0100", "2026-11-22T10:15:00.000Z"],
    ["a clock a little ahead", "1795342600", "2026-11-22T10:16:40.000Z"],
  ])("is read as %s", (_, said, expected) => {
    expect(timeAt(received_at, { said }, "said")).toBe(expected);
  });

  test.each([
    ["missing", undefined],
    ["null", null],
    ["empty", ""],
    ["zero", "0"],
    ["negative", "-1795342500"],
    ["far ahead", "1895342500"],
    ["beyond every calendar", "9".repeat(40)],
    ["a word", "yesterday"],
    ["a day that is none", "2026-13-45T99:00:00Z"],
    ["a list", ["1795342500"]],
    ["true", true],
  ])("that is %s is the time of arrival", (_, said) => {
    expect(timeAt(received_at, { said }, "said")).toBe(received_at);
  });
});

describe("reading unknown JSON", () => {
  const value: unknown = JSON.parse(`{"a":{"b":[1,"two",null]},"empty":"","zero":0,"__proto__":{"x":"own"}}`);

  test("follows a path and stops where it ends, at own fields only", () => {
    expect(listAt(value, "a", "b")).toEqual([1, "two", null]);
    expect(listAt(value, "a", "b", "c")).toEqual([]);
    expect(at(value, "a", "constructor")).toBeUndefined();
    expect(at(value, "__proto__", "x")).toBe("own");
    expect(at(null, "a")).toBeUndefined();
    expect(at("text", "length")).toBeUndefined();
  });

  test("takes numbers as text, and nothing else", () => {
    expect(textAt(value, "zero")).toBe("0");
    expect(textAt(value, "empty")).toBeNull();
    expect(textAt(value, "a")).toBeNull();
    expect(textAt({ yes: true }, "yes")).toBeNull();
  });

  test("replaces what PostgreSQL would refuse", () => {
    expect(textAt({ text: "a\u0000b\ud800c😀" }, "text")).toBe("a\ufffdb\ufffdc😀");
  });

  test("believes no endless id", () => {
    expect(idAt({ id: "i".repeat(300) }, "id")).toHaveLength(300);
    expect(idAt({ id: "i".repeat(301) }, "id")).toBeNull();
  });

  test("cuts between characters", () => {
    expect(cut("abcdef", 6)).toBe("abcdef");
    expect(cut("abcdef", 4)).toBe("abc…");
    expect(cut("ab😀def", 4)).toBe("ab😀…");
    expect(cut("😀😀😀", 3)).toBe("😀😀😀");
  });
});

describe("a callback", () => {
  const received_at = "2026-11-22T10:15:12.480Z";
  const read = (text: string) => readCallback(bytes(text), received_at, () => []);

  test.each([
    ["not JSON", "{"],
    ["empty", ""],
    ["nested beyond measure", "[".repeat(100_000) + "]".repeat(100_000)],
  ])("that is %s is one ignored event", (_, text) => {
    expect(read(text)).toEqual([expect.objectContaining({ kind: "ignored", why: "not JSON", occurred_at: received_at, account_id: "" })]);
  });

  test("is known again by its bytes", () => {
    const key = (text: string) => read(text)[0]?.dedupe_key;
    expect(key("{")).toBe(key("{"));
    expect(key("{")).not.toBe(key("{ "));
  });

  test("survives a fault in the reading", () => {
    const events = readCallback(bytes("{}"), received_at, () => {
      throw new TypeError("a fault");
    });
    expect(events).toEqual([expect.objectContaining({ kind: "ignored", why: "unreadable: TypeError: a fault" })]);
  });
});

describe("Meta's errors", () => {
  test.each([
    ["131047", null, null, "messaging_window_closed", false],
    ["10", "2018278", 403, "messaging_window_closed", false],
    ["10", "2534022", 403, "messaging_window_closed", false],
    ["131026", null, 400, "recipient_unreachable", false],
    ["131062", null, 400, "recipient_unreachable", false],
    ["100", "2018001", 400, "recipient_unreachable", false],
    ["551", null, 400, "recipient_unreachable", false],
    ["131050", null, 400, "recipient_opted_out", false],
    ["132001", null, 404, "template_not_found", false],
    ["132015", null, 400, "template_not_approved", false],
    ["132016", null, 400, "template_not_approved", false],
    ["132000", null, 400, "template_params_invalid", false],
    ["132005", null, 400, "template_params_invalid", false],
    ["132008", null, 400, "template_params_invalid", false],
    ["132012", null, 400, "template_params_invalid", false],
    ["4", "2018001", 429, "provider_rate_limited", true],
    ["80007", null, 400, "provider_rate_limited", true],
    ["130429", null, 400, "provider_rate_limited", true],
    ["131056", null, 400, "provider_rate_limited", true],
    ["613", null, 422, "provider_rate_limited", true],
    ["17", null, 429, "provider_rate_limited", true],
    [null, null, 429, "provider_rate_limited", true],
    ["190", "463", 401, "channel_auth_failed", false],
    ["3", null, 403, "channel_permission_denied", false],
    ["10", null, 403, "channel_permission_denied", false],
    ["200", null, 403, "channel_permission_denied", false],
    ["299", "1", 403, "channel_permission_denied", false],
    ["368", null, 403, "channel_blocked", false],
    ["131031", null, 403, "channel_blocked", false],
    ["100", "33", 400, "provider_invalid_request", false],
    ["131008", null, 400, "provider_invalid_request", false],
    ["131009", null, 400, "provider_invalid_request", false],
    ["131051", null, 400, "provider_invalid_request", false],
    ["1", null, 500, "provider_unavailable", true],
    ["2", null, 500, "provider_unavailable", true],
    ["131000", null, 500, "provider_unavailable", true],
    ["131016", null, 503, "provider_unavailable", true],
    ["987654", null, 502, "provider_unavailable", true],
    ["987654", null, 400, "provider_error", false],
    ["300", null, 400, "provider_error", false],
    [null, null, null, "provider_error", false],
    ["constructor", null, 400, "provider_error", false],
  ] as const)("%s/%s with HTTP %s is %s", (code, subcode, http_status, expected, retryable) => {
    expect(meaningOf(code, subcode, http_status)).toEqual({ code: expected, retryable });
  });

  test("keep Meta's own code, subcode and trace id", () => {
    const said = { message: "No.", code: 10, error_subcode: 2018278, fbtrace_id: "Atrace", error_data: { details: "Too late." } };
    expect(graphError(said, 403)).toEqual({
      code: "messaging_window_closed",
      detail: "No.: Too late. (fbtrace_id Atrace)",
      provider_code: "10/2018278",
    });
    expect(graphError(undefined, null)).toEqual({ code: "provider_error", detail: "No reason was given", provider_code: null });
    expect(graphError({ code: 131047, title: "Late", message: "x".repeat(9000) }, null).detail.length).toBeLessThanOrEqual(500);
  });
});
