import { BlockList, isIP } from "node:net";
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";

/**
 * The socket's address; behind named proxies the right-most hop that is not one of them. Whatever stands
 * further left in `X-Forwarded-For` was written by whoever asks.
 */
export function createAddressReader(trusted_proxies: readonly string[]): (c: Context) => string {
  const trusted = blockList(trusted_proxies);
  const isTrusted = (address: string): boolean => isIP(address) !== 0 && trusted.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");

  return (c) => {
    const socket = plain(socketAddress(c));
    if (trusted_proxies.length === 0 || !isTrusted(socket)) return socket;
    const hops = (c.req.header("x-forwarded-for") ?? "").split(",").map((hop) => plain(hop.trim()));
    return hops.findLast((hop) => isIP(hop) !== 0 && !isTrusted(hop)) ?? socket;
  };
}

/** Who has one IPv6 address has a network of them (RFC 6177): its first 64 bits are counted as one. */
export function limitSubject(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail = ""] = address.split("%")[0]!.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === "" ? [] : tail.split(":");
  const missing = address.includes("::") ? Math.max(0, 8 - left.length - right.length) : 0;
  const groups = [...left, ...Array<string>(missing).fill("0"), ...right];
  return `${groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}

/** A request that came through no socket (an in-process call) has no address of its own. */
function socketAddress(c: Context): string {
  const env = c.env as { incoming?: unknown } | undefined;
  return (env?.incoming ? getConnInfo(c).remote.address : undefined) ?? "127.0.0.1";
}

const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", bits] = cidr.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    list.addSubnet(address, Number(bits ?? (family === "ipv6" ? 128 : 32)), family);
  }
  return list;
}
