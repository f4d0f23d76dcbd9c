import { createSocket } from "node:dgram";
import { once } from "node:events";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, onTestFinished, test } from "vitest";
import { ApiError } from "../../src/core/errors.ts";
import { assertWebhookUrl, BlockedAddress, NameNotResolved, vet, webhookUrl } from "../../src/posting/address-guard.ts";
import { createResolve } from "../../src/posting/resolve.ts";

const asked: string[] = [];
const answering = (...addresses: string[]) => ({
  allow_private_webhooks: false,
  own_host: "api.wassla.example",
  resolve(hostname: string) {
    asked.push(hostname);
    return Promise.resolve(addresses);
  },
});
const production = answering("93.184.215.14");
const laptop = { ...production, own_host: "localhost", allow_private_webhooks: true };

const hostOf = (address: string) => (address.includes(":") ? `[${address}]` : address);
const vetLiteral = (address: string, network = production) => vet(new URL(`https://${hostOf(address)}/`), network);

function faultsOf(text: string, network = production): string[] {
  try {
    webhookUrl(text, network);
    return [];
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    expect(error.code).toBe("webhook_url_not_allowed");
    expect(error.options.errors?.every(({ pointer }) => pointer === "/url")).toBe(true);
    return error.options.errors?.map(({ code }) => code) ?? [];
  }
}

describe("the form", () => {
  test.for([
    ["https://hooks.example.com", "https://hooks.example.com/"],
    ["HTTPS://Hooks.Example.COM:443/a?b=c", "https://hooks.example.com/a?b=c"],
    ["https://hooks.example.com:8443/a", "https://hooks.example.com:8443/a"],
    ["https://مثال.إختبار/و", "https://xn--mgbh0fb.xn--kgbechtv/%D9%88"],
    ["https://hooks.example.com/%23", "https://hooks.example.com/%23"],
    ["https://0x5db8d70e/", "https://93.184.215.14/"],
  ])("%s is kept as %s", ([text, href]) => {
    expect(webhookUrl(text!, production).href).toBe(href);
  });

  test.for([
    ["", "malformed_url"],
    ["hooks.example.com/a", "malformed_url"],
    ["https://", "malformed_url"],
    ["https://exa mple.com/", "malformed_url"],
    ["https://1.2.3.4.5/", "malformed_url"],
    ["https://[fe80::1%25eth0]/", "malformed_url"],
    ["http://hooks.example.com/", "not_https"],
    ["http://localhost/", "not_https"],
    ["ftp://hooks.example.com/", "not_https"],
    ["javascript:alert(1)", "not_https"],
    ["https://user@hooks.example.com/", "has_credentials"],
    ["https://:secret@hooks.example.com/", "has_credentials"],
    ["https://hooks.example.com/#here", "has_fragment"],
    ["https://hooks.example.com/#", "has_fragment"],
    ["https://api.wassla.example/v1", "host_not_allowed"],
    ["https://API.Wassla.Example.:8443/", "host_not_allowed"],
  ])("%s is refused: %s", ([text, code]) => {
    expect(faultsOf(text!)).toEqual([code]);
  });

  test("every fault is named at once", () => {
    expect(faultsOf("http://user@hooks.example.com/#here")).toEqual(["not_https", "has_credentials", "has_fragment"]);
  });

  test("2048 characters are allowed, counted when the URL is normalised", () => {
    const ofLength = (n: number) => "https://hooks.example.com/".padEnd(n, "a");
    expect(faultsOf(ofLength(2048))).toEqual([]);
    expect(faultsOf(ofLength(2049))).toEqual(["too_long"]);
    expect(faultsOf(`https://hooks.example.com/${"é".repeat(400)}`)).toEqual(["too_long"]);
  });

  test("the service's own host is refused by any of its names' spellings", () => {
    const own = { ...production, own_host: "xn--mgbh0fb.example" };
    expect(faultsOf("https://مثال.example/", own)).toEqual(["host_not_allowed"]);
    expect(faultsOf("https://[2606:4700::1]/", { ...production, own_host: "[2606:4700::1]" })).toEqual(["host_not_allowed"]);
    expect(faultsOf("https://api.wassla.example/", { ...production, own_host: "API.Wassla.Example" })).toEqual(["host_not_allowed"]);
    expect(faultsOf("https://other.api.wassla.example/")).toEqual([]);
  });
});

describe("the laptop's mode", () => {
  test.for([
    "http://localhost:3001/",
    "http://hooks.localhost/",
    "http://127.0.0.1:80/",
    "http://127.8.9.10/",
    "http://[::1]:3001/",
    "https://localhost/",
  ])("%s is allowed, even though the service is on a loopback host itself", async (text) => {
    expect(await assertWebhookUrl(text, laptop)).toBe(new URL(text).href);
    expect(await assertWebhookUrl(text, { ...laptop, own_host: new URL(text).hostname })).toBe(new URL(text).href);
  });

  test.for(["http://hooks.example.com/", "http://10.0.0.1/", "http://0.0.0.0/", "http://notlocalhost/", "http://localhost.example/"])(
    "%s stays refused: plain http is for loopback",
    (text) => {
      expect(faultsOf(text, laptop)).toEqual(["not_https"]);
    },
  );

  test("a public own host stays refused", () => {
    expect(faultsOf("https://api.wassla.example/", { ...laptop, own_host: "api.wassla.example" })).toEqual(["host_not_allowed"]);
  });

  test("nothing private but loopback is allowed", async () => {
    for (const address of ["127.0.0.1", "127.255.255.255", "::1"]) expect(await vetLiteral(address, laptop)).toEqual([address]);
    for (const address of ["10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::", "fd00::1", "::ffff:127.0.0.1"]) {
      await expect(vetLiteral(address, laptop)).rejects.toThrow(BlockedAddress);
    }
  });

  test("a name may lead to loopback", async () => {
    const url = new URL("https://receiver.test/");
    expect(await vet(url, { ...laptop, resolve: () => Promise.resolve(["127.0.0.1"]) })).toEqual(["127.0.0.1"]);
    await expect(vet(url, answering("127.0.0.1"))).rejects.toThrow(BlockedAddress);
  });
});

// First and last address of every block, and the public neighbours where there are any.
const blocks: [first: string, last: string, before?: string | undefined, after?: string][] = [
  ["0.0.0.0", "0.255.255.255", undefined, "1.0.0.0"],
  ["10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"],
  ["100.64.0.0", "100.127.255.255", "100.63.255.255", "100.128.0.0"],
  ["127.0.0.0", "127.255.255.255", "126.255.255.255", "128.0.0.0"],
  ["168.63.129.16", "168.63.129.16", "168.63.129.15", "168.63.129.17"],
  ["169.254.0.0", "169.254.255.255", "169.253.255.255", "169.255.0.0"],
  ["172.16.0.0", "172.31.255.255", "172.15.255.255", "172.32.0.0"],
  ["192.0.0.0", "192.0.0.255", "191.255.255.255", "192.0.1.0"],
  ["192.0.2.0", "192.0.2.255", "192.0.1.255", "192.0.3.0"],
  ["192.31.196.0", "192.31.196.255", "192.31.195.255", "192.31.197.0"],
  ["192.52.193.0", "192.52.193.255", "192.52.192.255", "192.52.194.0"],
  ["192.88.99.0", "192.88.99.255", "192.88.98.255", "192.88.100.0"],
  ["192.168.0.0", "192.168.255.255", "192.167.255.255", "192.169.0.0"],
  ["192.175.48.0", "192.175.48.255", "192.175.47.255", "192.175.49.0"],
  ["198.18.0.0", "198.19.255.255", "198.17.255.255", "198.20.0.0"],
  ["198.51.100.0", "198.51.100.255", "198.51.99.255", "198.51.101.0"],
  ["203.0.113.0", "203.0.113.255", "203.0.112.255", "203.0.114.0"],
  ["224.0.0.0", "255.255.255.255", "223.255.255.255"],
  ["::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["::1", "::ffff:8.8.8.8"],
  ["64:ff9b::8.8.8.8", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"],
  ["100::", "100::ffff:ffff:ffff:ffff"],
  ["2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"],
  ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db7:ffff::", "2001:db9::"],
  ["2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:ffff::", "2003::"],
  ["2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "2620:4f:7fff::", "2620:4f:8001::"],
  ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3ffe:ffff::", "3fff:1000::"],
  ["4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["5f00::", "5f00:ffff::"],
  ["fc00::", "fdff:ffff::"],
  ["fe80::", "febf:ffff::"],
  ["ff00::", "ff02::1"],
];

const v4_edges = blocks.flat().filter((address) => address !== undefined && !address.includes(":")) as string[];

describe("addresses", () => {
  test.for(blocks)("nothing from %s to %s may be connected to, its neighbours may", async ([first, last, before, after]) => {
    for (const address of [first, last]) await expect(vetLiteral(address)).rejects.toThrow(BlockedAddress);
    for (const address of [before, after]) if (address) expect(await vetLiteral(address)).toHaveLength(1);
  });

  test.for([
    "0x7f.1",
    "2130706433",
    "127.1",
    "0177.0.0.1",
    "0x7f000001",
    "127.0.0.1.",
    "①②⑦.0.0.1",
    "0",
    "0xa9fea9fe",
    "[::ffff:7f00:1]",
    "[0:0::1]",
  ])("%s is a private address in another notation", async (host) => {
    asked.length = 0;
    await expect(vet(new URL(`https://${host}/`), production)).rejects.toThrow(BlockedAddress);
    expect(asked).toEqual([]);
  });

  test("random addresses are judged as ipaddr.js judges them, save Azure's host and the IPv6 space that is not in use", async () => {
    const anywhere = fc.oneof(fc.ipV4(), fc.ipV6(), ipv6In2000());
    await fc.assert(
      fc.asyncProperty(anywhere, async (text) => {
        expect(await isAllowed(text)).toBe(isAllowedByIpaddr(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("every range that ipaddr.js knows by a name is refused from its first address to its last", async () => {
    // Its types do not tell of them: a range is an address and a prefix, or a list of such pairs.
    const families = [ipaddr.IPv4, ipaddr.IPv6] as unknown as { prototype: { SpecialRanges: Record<string, unknown[]> } }[];
    const ranges = families.flatMap(({ prototype }) => Object.values(prototype.SpecialRanges).flat(2));
    const cidrs = ranges.reduce<string[]>(
      (all, part, i) => (typeof part === "number" ? [...all, `${String(ranges[i - 1])}/${part}`] : all),
      [],
    );
    expect(cidrs.length).toBeGreaterThan(30);
    for (const cidr of cidrs) {
      const { IPv4, IPv6 } = ipaddr;
      const family = cidr.includes(":") ? IPv6 : IPv4;
      const [first, prefix] = ipaddr.parseCIDR(cidr);
      for (const address of [first.toString(), lastOf(first, prefix), ...(family === IPv6 ? [first.toNormalizedString()] : [])]) {
        expect(await isAllowed(address), `${address} of ${cidr}`).toBe(false);
      }
    }
  });

  test("an IPv4 address is judged alike in every notation that a URL may have", async () => {
    const radix = fc.constantFrom(
      (n: number) => String(n),
      (n: number) => `0x${n.toString(16)}`,
      (n: number) => `0${n.toString(8)}`,
    );
    const parts = fc.integer({ min: 1, max: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.ipV4(), fc.constantFrom(...v4_edges)),
        parts,
        fc.array(radix, { minLength: 4, maxLength: 4 }),
        async (dotted, count, write) => {
          const bytes = dotted.split(".").map(Number);
          const tail = bytes.slice(count - 1).reduce((sum, byte) => sum * 256 + byte, 0);
          const host = [...bytes.slice(0, count - 1), tail].map((part, i) => write[i]!(part)).join(".");
          const url = new URL(`https://${host}/`);
          expect(url.hostname).toBe(dotted);
          const allowed = await vet(url, production).then(
            () => true,
            () => false,
          );
          expect(allowed, host).toBe(isAllowedByIpaddr(dotted));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("no IPv4 address, be it ever so public, may be connected to through an IPv6 address that wraps it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.ipV4(),
        fc.constantFrom("::", "::ffff:", "::ffff:0:", "64:ff9b::", "64:ff9b:1::", "2002:"),
        async (dotted, prefix) => {
          const [a, b, c, d] = dotted.split(".").map(Number) as [number, number, number, number];
          const hex = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
          const wrapped = prefix === "2002:" ? `2002:${hex}::1` : `${prefix}${hex}`;
          await expect(vetLiteral(wrapped)).rejects.toThrow(BlockedAddress);
          await expect(vet(new URL("https://hooks.example.com/"), answering("93.184.215.14", wrapped))).rejects.toThrow(BlockedAddress);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("random addresses near the edges of the blocks are judged as ipaddr.js judges them", async () => {
    const edges = blocks.flat().filter((address) => address !== undefined);
    const near = fc.tuple(fc.constantFrom(...edges), fc.integer({ min: -3, max: 3 })).map(([edge, step]) => stepFrom(edge, step));
    await fc.assert(
      fc.asyncProperty(near, async (address) => {
        expect(await isAllowed(address)).toBe(isAllowedByIpaddr(address));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("names", () => {
  test("every address of a public name may be connected to", async () => {
    const network = answering("93.184.215.14", "2606:4700::1");
    expect(await vet(new URL("https://hooks.example.com:8443/a"), network)).toEqual(["93.184.215.14", "2606:4700::1"]);
  });

  test.for([
    ["93.184.215.14", "10.0.0.1"],
    ["169.254.169.254", "93.184.215.14"],
    ["93.184.215.14", "fd00::1"],
    ["2606:4700::1", "::ffff:93.184.215.14"],
    ["93.184.215.14", "not an address"],
  ])("one bad address condemns the name: %s, %s", async (addresses) => {
    await expect(vet(new URL("https://hooks.example.com/"), answering(...addresses))).rejects.toThrow(BlockedAddress);
  });

  test("a name is asked once, in punycode", async () => {
    asked.length = 0;
    await vet(new URL("https://مثال.إختبار/"), production);
    expect(asked).toEqual(["xn--mgbh0fb.xn--kgbechtv"]);
  });

  test("localhost is never asked of a name server, which could answer anything", async () => {
    asked.length = 0;
    for (const host of ["localhost", "a.b.localhost", "localhost."]) {
      await expect(vet(new URL(`https://${host}/`), production)).rejects.toThrow(BlockedAddress);
      expect(await vet(new URL(`http://${host}/`), laptop)).toEqual(["127.0.0.1", "::1"]);
    }
    expect(asked).toEqual([]);
  });

  test("a name is judged anew each time: what led to a public address and then does not is refused", async () => {
    const url = new URL("https://hooks.example.com/");
    const answers = [["93.184.215.14"], ["93.184.215.14", "127.0.0.1"], [], ["2606:4700::1"]];
    const rebinding = { ...production, resolve: () => Promise.resolve(answers.shift()!) };
    expect(await assertWebhookUrl(url.href, rebinding)).toBe(url.href);
    await expect(vet(url, rebinding)).rejects.toThrow(BlockedAddress);
    await expect(vet(url, rebinding)).rejects.toThrow(NameNotResolved);
    expect(await vet(url, rebinding)).toEqual(["2606:4700::1"]);
  });

  test("the service's own host and plain http are refused at every attempt too", async () => {
    await expect(vet(new URL("https://api.wassla.example./"), production)).rejects.toThrow(BlockedAddress);
    await expect(vet(new URL("http://hooks.example.com/"), production)).rejects.toThrow(BlockedAddress);
  });

  test("a name without addresses, and one that nobody answers for, are not resolved", async () => {
    const url = new URL("https://hooks.example.com/");
    await expect(vet(url, answering())).rejects.toThrow(NameNotResolved);
    await expect(vet(url, { ...production, resolve: () => Promise.reject(new Error("SERVFAIL")) })).rejects.toThrow(NameNotResolved);
    await expect(
      vet(url, {
        ...production,
        resolve() {
          throw new Error("at once");
        },
      }),
    ).rejects.toThrow(NameNotResolved);
  });

  test("the API's answer is the same for every reason, so that it maps no network", async () => {
    const url = "https://hooks.example.com/";
    const refusals = await Promise.all(
      [
        assertWebhookUrl(url, answering("10.0.0.1")),
        assertWebhookUrl(url, answering("169.254.169.254")),
        assertWebhookUrl(url, answering()),
        assertWebhookUrl(url, { ...production, resolve: () => Promise.reject(new Error("ETIMEOUT")) }),
        assertWebhookUrl("https://127.0.0.1:22/", production),
        assertWebhookUrl("https://api.wassla.example/", production),
      ].map((refused) =>
        refused.catch((error: ApiError) => ({
          status: error.status,
          code: error.code,
          message: error.message,
          errors: error.options.errors,
        })),
      ),
    );
    expect(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size).toBe(1);
    expect(refusals[0]).toMatchObject({
      status: 422,
      code: "webhook_url_not_allowed",
      errors: [{ pointer: "/url", code: "host_not_allowed" }],
    });
  });

  test("a good URL comes back normalised", async () => {
    expect(await assertWebhookUrl("HTTPS://Hooks.Example.com:443", production)).toBe("https://hooks.example.com/");
  });

  test("a fault of ours is not taken for a fault of the URL", async () => {
    const broken = { ...production, resolve: () => Promise.resolve(null as unknown as string[]) };
    await expect(assertWebhookUrl("https://hooks.example.com/", broken)).rejects.toThrow(TypeError);
  });
});

describe("resolve", () => {
  test("every A and AAAA record of a name is given", async () => {
    const resolve = await resolverOf({ A: ["192.0.2.1", "192.0.2.2"], AAAA: ["2001:db8::1"] });
    expect(await resolve("hooks.example.com")).toEqual(["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
  });

  test("a family without records is an empty list", async () => {
    expect(await (await resolverOf({ A: ["192.0.2.1"], AAAA: [] }))("hooks.example.com")).toEqual(["192.0.2.1"]);
    expect(await (await resolverOf({ A: "NXDOMAIN", AAAA: ["2001:db8::1"] }))("hooks.example.com")).toEqual(["2001:db8::1"]);
    expect(await (await resolverOf({ A: [], AAAA: [] }))("hooks.example.com")).toEqual([]);
    expect(await (await resolverOf({ A: "NXDOMAIN", AAAA: "NXDOMAIN" }))("hooks.example.com")).toEqual([]);
  });

  test("one family that fails does not hide the other", async () => {
    expect(await (await resolverOf({ A: ["192.0.2.1"], AAAA: "SERVFAIL" }))("hooks.example.com")).toEqual(["192.0.2.1"]);
  });

  test("it rejects when both families fail", async () => {
    await expect((await resolverOf({ A: "SERVFAIL", AAAA: "SERVFAIL" }))("hooks.example.com")).rejects.toThrow("ESERVFAIL");
  });

  test("it rejects when nobody answers in time", async () => {
    await expect((await resolverOf({ A: "silence", AAAA: "silence" }))("hooks.example.com")).rejects.toThrow("ETIMEOUT");
  });
});

const isAllowed = (address: string) =>
  vetLiteral(address).then(
    () => true,
    (error: unknown) => {
      if (error instanceof BlockedAddress) return false;
      throw error;
    },
  );

/** What ipaddr.js calls unicast is what is allowed, with two differences, in both of which the guard is the stricter. */
function isAllowedByIpaddr(text: string): boolean {
  const address = ipaddr.parse(text);
  const is_azures_host = address.toString() === "168.63.129.16";
  const is_unused_ipv6 = address.kind() === "ipv6" && !address.match(ipaddr.parseCIDR("2000::/3"));
  return address.range() === "unicast" && !is_azures_host && !is_unused_ipv6;
}

function ipv6In2000(): fc.Arbitrary<string> {
  const group = (min: number, max: number) => fc.integer({ min, max }).map((n) => n.toString(16));
  const first = fc.oneof(group(0x2000, 0x3fff), fc.constantFrom("2001", "2002", "2620", "3fff"));
  const second = fc.oneof(group(0, 0xffff), fc.constantFrom("0", "db8", "4f", "1ff", "200"));
  return fc
    .tuple(first, second, fc.array(group(0, 0xffff), { minLength: 6, maxLength: 6 }))
    .map(([a, b, rest]) => [a, b, ...rest].join(":"));
}

function stepFrom(address: string, step: number): string {
  const bytes = ipaddr.parse(address).toByteArray();
  const bits = BigInt(bytes.length * 8);
  const number = BigInt.asUintN(Number(bits), bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n) + BigInt(step));
  return ipaddr.fromByteArray(bytes.map((_, i) => Number((number >> (bits - 8n * BigInt(i + 1))) & 255n))).toString();
}

function lastOf(first: ipaddr.IPv4 | ipaddr.IPv6, prefix: number): string {
  const bytes = first.toByteArray().map((byte, i) => byte | (0xff >> Math.min(8, Math.max(0, prefix - 8 * i))));
  return ipaddr.fromByteArray(bytes).toString();
}

type Answer = string[] | "NXDOMAIN" | "SERVFAIL" | "silence";

/** A name server on loopback, and the resolver that asks it. */
async function resolverOf(zone: { A: Answer; AAAA: Answer }) {
  const server = createSocket("udp4", (query, { port, address }) => {
    const question = query.subarray(12, query.indexOf(0, 12) + 5);
    const type = question.readUInt16BE(question.length - 4);
    const answer = type === 1 ? zone.A : zone.AAAA;
    if (answer === "silence") return;
    const addresses = typeof answer === "string" ? [] : answer.map((text) => Buffer.from(ipaddr.parse(text).toByteArray()));
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 + (answer === "NXDOMAIN" ? 3 : answer === "SERVFAIL" ? 2 : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(addresses.length, 6);
    // A pointer to the question's name, the type, class IN, a TTL of a minute, and the address.
    const records = addresses.map((bytes) => Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, bytes.length]), bytes]));
    server.send(Buffer.concat([header, question, ...records]), port, address);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return createResolve({ servers: [`127.0.0.1:${server.address().port}`], timeout_ms: 50, tries: 1 });
}
