import { BlockList, isIP } from "node:net";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";

/**
 * The socket's address; behind named proxies the right-most hop that is not one of them. Whatever stands
 * further left in `X-Forwarded-For` was written by whoever asks.
 */
export function createAddressReader(trusted_proxies: readonly string[]): (c: Context) => string {
  const trusted = blockList(trusted_proxies);
  const isTrusted = (address: string): boolean =>
    trusted_proxies.length > 0 && isIP(address) !== 0 && trusted.check(address, familyOf(address));

  return (c) => {
    const socket = plain(socketAddress(c));
    if (!isTrusted(socket)) return socket;
    const hops = (c.req.header("x-forwarded-for") ?? "").split(",").map(hopAddress);
    const client = hops.findLast((hop) => !isTrusted(hop)) ?? socket;
    // A hop that cannot be read ends the walk: what stands left of it is anybody's.
    return isIP(client) === 0 ? socket : client;
  };
}

/** Who has one IPv6 address has a network of them (RFC 6177): its first 64 bits are counted as one. */
export function limitSubject(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail = ""] = withoutDots(address.split("%")[0]!).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const missing = address.includes("::") ? Math.max(0, 8 - left.length - right.length) : 0;
  const groups = [...left, ...Array<string>(missing).fill("0"), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}

/** A request that came through no socket (an in-process call) has no address of its own. */
function socketAddress(c: Context): string {
  const env = c.env as { incoming?: unknown } | undefined;
  return (env?.incoming ? getConnInfo(c).remote.address : undefined) ?? "127.0.0.1";
}

/** Some proxies write the port too: `1.2.3.4:5678`, `[2001:db8::1]:5678`. */
function hopAddress(hop: string): string {
  const [, bracketed, dotted] = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d+)?$/.exec(hop.trim()) ?? [];
  return plain(bracketed ?? dotted ?? hop.trim());
}

/** An IPv4 address in the clothes of an IPv6 one (RFC 4291 §2.5.5.2) is an IPv4 address. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

/** A dotted tail stands for two groups, which are never among the first four. */
const withoutDots = (address: string): string => address.replace(/[\d.]+\.\d+$/, "0:0");

const familyOf = (address: string): "ipv4" | "ipv6" => (isIP(address) === 6 ? "ipv6" : "ipv4");

function blockList(proxies: readonly string[]): BlockList {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(proxy) ?? [];
    const widest = isIP(address) === 6 ? 128 : 32;
    if (isIP(address) === 0 || Number(bits ?? 0) > widest)
      throw new Error(`TRUSTED_PROXIES: ${proxy} is neither an address nor a network.`);
    list.addSubnet(address, Number(bits ?? widest), familyOf(address));
  }
  return list;
}
