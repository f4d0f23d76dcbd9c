import fc from "fast-check";
import { Hono } from "hono";
import ipaddr from "ipaddr.js";
import { describe, expect, test } from "vitest";
import { createAddressReader, limitSubject } from "../../src/http/client-address.ts";

/** What the reader makes of a request from this socket with this header. */
async function addressOf(trusted: string[], socket: string | undefined, forwarded?: string): Promise<string> {
  const read = createAddressReader(trusted);
  const app = new Hono();
  app.get("/", (c) => c.text(read(c)));
  const env = { incoming: { socket: { remoteAddress: socket, remotePort: 1, remoteFamily: "IPv4" } } };
  const response = await app.request("/", { headers: { ...(forwarded !== undefined && { "X-Forwarded-For": forwarded }) } }, env);
  return response.text();
}

describe("without trusted proxies", () => {
  test("the address is the socket's", async () => {
    expect(await addressOf([], "203.0.113.7")).toBe("203.0.113.7");
    expect(await addressOf([], "2001:db8::1")).toBe("2001:db8::1");
  });

  test("the header is not looked at", async () => {
    expect(await addressOf([], "203.0.113.7", "198.51.100.1")).toBe("203.0.113.7");
  });

  test("an IPv4 address in the clothes of an IPv6 one is an IPv4 address", async () => {
    expect(await addressOf([], "::ffff:203.0.113.7")).toBe("203.0.113.7");
    expect(await addressOf([], "::FFFF:203.0.113.7")).toBe("203.0.113.7");
  });

  test("what comes through no socket comes from this machine", async () => {
    expect(await addressOf([], undefined)).toBe("127.0.0.1");
    const read = createAddressReader([]);
    const app = new Hono();
    app.get("/", (c) => c.text(read(c)));
    expect(await (await app.request("/")).text()).toBe("127.0.0.1");
  });
});

describe("behind trusted proxies", () => {
  test.each([
    ["one hop", "203.0.113.7", "203.0.113.7"],
    ["the right-most hop that is no proxy", "198.51.100.1, 203.0.113.7", "203.0.113.7"],
    ["proxies behind it are passed over", "203.0.113.7, 10.0.0.9, 10.2.3.4", "203.0.113.7"],
    ["what stands further left was written by whoever asks", "127.0.0.1, 10.0.0.1, 203.0.113.7, 10.0.0.9", "203.0.113.7"],
    ["spaces or none", "198.51.100.1,203.0.113.7 ,  10.0.0.9", "203.0.113.7"],
    ["IPv6", "2001:db8::7, 10.0.0.9", "2001:db8::7"],
    ["an IPv4 address in the clothes of an IPv6 one", "::ffff:203.0.113.7", "203.0.113.7"],
    ["a proxy in such clothes", "203.0.113.7, ::ffff:10.0.0.9", "203.0.113.7"],
    ["a port behind it", "198.51.100.1, 203.0.113.7:5123", "203.0.113.7"],
    ["a port behind IPv6", "[2001:db8::7]:5123", "2001:db8::7"],
    ["brackets without a port", "[2001:db8::7]", "2001:db8::7"],
  ])("%s", async (_, forwarded, expected) => {
    expect(await addressOf(["10.0.0.0/8"], "10.0.0.1", forwarded)).toBe(expected);
  });

  test.each([
    ["nothing", undefined],
    ["an empty header", ""],
    ["commas alone", ", ,"],
    ["proxies alone", "10.0.0.3, 10.0.0.4"],
    ["a hop that hides itself", "unknown"],
    ["a hop that hides itself (RFC 7239)", "_hidden"],
    ["garbage on the right", "203.0.113.7, garbage"],
    ["garbage on the right, before proxies", "203.0.113.7, garbage, 10.0.0.9"],
    ["an address that is none", "198.51.100.1, 203.0.113.999"],
    ["numbers that only look like one", "198.51.100.1, 3405803783"],
  ])("%s leaves the socket's address, and never a hop further left", async (_, forwarded) => {
    expect(await addressOf(["10.0.0.0/8"], "10.0.0.1", forwarded)).toBe("10.0.0.1");
  });

  test("a socket that is no proxy is not believed", async () => {
    expect(await addressOf(["10.0.0.0/8"], "203.0.113.7", "198.51.100.1")).toBe("203.0.113.7");
  });

  test.each([
    ["a single IPv4 address", "192.0.2.1", "192.0.2.1", "192.0.2.2"],
    ["an IPv4 network", "192.0.2.0/28", "192.0.2.15", "192.0.2.16"],
    ["a single IPv6 address", "2001:db8::1", "2001:db8::1", "2001:db8::2"],
    ["an IPv6 network", "2001:db8:1::/48", "2001:db8:1:ffff::1", "2001:db8:2::1"],
  ])("%s names those who are believed", async (_, named, inside, outside) => {
    expect(await addressOf([named], inside, "203.0.113.7")).toBe("203.0.113.7");
    expect(await addressOf([named], outside, "203.0.113.7")).toBe(outside);
  });

  test.each(["banana", "10.0.0.0/33", "10.0.0.1/", "10.0.0.0/8/8", "2001:db8::/129", "10.0.0.0/-1", "10.0.0.0/8.5", "10.0.0", "*"])(
    "%s names nobody, and stops the start with its name",
    (name) => {
      expect(() => createAddressReader(["10.0.0.1", name])).toThrow(`TRUSTED_PROXIES: ${name} is neither an address nor a network.`);
    },
  );

  const hop = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom("unknown", "", "10.0.0.7", "127.0.0.1", "::1", "%", "a, b"), fc.string());

  test("a client that comes through a proxy cannot choose whom it is counted as", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hop, { maxLength: 6 }), fc.boolean(), async (written, with_port) => {
        const client = "203.0.113.7";
        const claimed = written.map((text) => text.replaceAll(/[^\x20-\x7e]/g, "")).join(", ");
        const forwarded = [claimed, with_port ? `${client}:40123` : client].filter((part) => part !== "").join(", ");
        expect(await addressOf(["10.0.0.0/8"], "10.0.0.1", forwarded)).toBe(client);
        // Two proxies in a row: the inner one appends the outer one's address.
        expect(await addressOf(["10.0.0.0/8"], "10.0.0.1", `${forwarded}, 10.9.9.9`)).toBe(client);
      }),
      { numRuns: 300 },
    );
  });
});

describe("whom a window counts", () => {
  test("an IPv4 address is one", () => {
    expect(limitSubject("203.0.113.7")).toBe("203.0.113.7");
  });

  test.each([
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["2001:DB8:0001:2:ffff::1", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["1::3:4:5:6:192.0.2.1", "1:0:3:4::/64"],
  ])("all addresses of the network of %s are one", (address, subject) => {
    expect(limitSubject(address)).toBe(subject);
  });

  test("two IPv6 addresses are the same exactly if their first 64 bits are, however they are written", () => {
    const networkOf = (address: string) => ipaddr.IPv6.parse(address).parts.slice(0, 4).join();
    fc.assert(
      fc.property(fc.ipV6(), fc.ipV6(), (one, other) => {
        const parsed = ipaddr.IPv6.parse(one);
        expect(limitSubject(one)).toBe(limitSubject(parsed.toNormalizedString()));
        expect(limitSubject(one)).toBe(limitSubject(parsed.toRFC5952String()));
        expect(limitSubject(one) === limitSubject(other)).toBe(networkOf(one) === networkOf(other));
      }),
      { numRuns: 1000 },
    );
  });
});
