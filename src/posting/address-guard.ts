import { BlockList, isIP } from "node:net";
import type { Network } from "../core/context.ts";
import { ApiError, type Fault } from "../core/errors.ts";
import { urlOf } from "../core/url.ts";

type Rules = Pick<Network, "allow_private_webhooks" | "own_host">;
type ResolvingRules = Rules & Pick<Network, "resolve">;

/** Judges a URL before it is kept, its form and where its host leads now, and returns it normalised. */
export async function assertWebhookUrl(text: string, network: ResolvingRules): Promise<string> {
  const url = webhookUrl(text, network);
  try {
    await vet(url, network);
  } catch (error) {
    // One answer for every reason, or creating endpoints would map the network behind us.
    if (error instanceof BlockedAddress || error instanceof NameNotResolved) throw notAllowed(host_not_allowed);
    throw error;
  }
  return url.href;
}

/** Judges the form of a webhook's URL; where its host leads is for `vet` to say. */
export function webhookUrl(text: string, network: Rules): URL {
  const url = urlOf(text);
  if (!url) throw notAllowed(form_faults.malformed_url);

  const faults = [];
  if (!isSchemeAllowed(url, network)) faults.push(form_faults.not_https);
  if (url.username || url.password) faults.push(form_faults.has_credentials);
  // An empty fragment leaves `hash` empty but stays in `href`.
  if (url.href.includes("#")) faults.push(form_faults.has_fragment);
  if (url.href.length > max_url_length) faults.push(form_faults.too_long);
  if (isOwnHost(url, network)) faults.push(host_not_allowed);
  if (faults.length > 0) throw notAllowed(...faults);
  return url;
}

/** The addresses that may be connected to for this URL. One that is not public condemns them all. */
export async function vet(url: URL, network: ResolvingRules): Promise<string[]> {
  if (!isSchemeAllowed(url, network) || isOwnHost(url, network)) throw new BlockedAddress();
  const addresses = await addressesOf(url, network);
  if (addresses.length === 0) throw new NameNotResolved();
  if (!addresses.every((address) => isAllowed(address, network))) throw new BlockedAddress();
  return addresses;
}

/** The host is, or leads to, something that webhooks are not sent to. */
export class BlockedAddress extends Error {
  override readonly name = "BlockedAddress";
  constructor() {
    super("the address is not one that webhooks are sent to");
  }
}

/** The name has no address, or nobody could be asked. */
export class NameNotResolved extends Error {
  override readonly name = "NameNotResolved";
  constructor(cause?: unknown) {
    super("the name leads to no address", { cause });
  }
}

const max_url_length = 2048;

const fault = (code: string, detail: string): Fault => ({ pointer: "/url", code, detail });
const form_faults = {
  malformed_url: fault("malformed_url", "This is not an absolute URL."),
  not_https: fault("not_https", "The URL must be https."),
  has_credentials: fault("has_credentials", "The URL must not hold a user name or a password: webhooks are signed instead."),
  has_fragment: fault("has_fragment", "The URL must not have a fragment."),
  too_long: fault("too_long", `The URL must have at most ${max_url_length} characters once it is normalised.`),
};
const host_not_allowed = fault("host_not_allowed", "The host must be a public one whose name resolves.");

const notAllowed = (...faults: Fault[]): ApiError =>
  new ApiError("webhook_url_not_allowed", { detail: faults.map(({ detail }) => detail).join(" "), errors: faults });

const isSchemeAllowed = (url: URL, network: Rules): boolean =>
  url.protocol === "https:" || (url.protocol === "http:" && network.allow_private_webhooks && isLoopback(hostOf(url)));

/** A laptop's receivers live on other ports of the machine the service is on, so there loopback stays allowed. */
const isOwnHost = (url: URL, network: Rules): boolean =>
  hostOf(url) === bare(network.own_host) && !(network.allow_private_webhooks && isLoopback(hostOf(url)));

async function addressesOf(url: URL, network: ResolvingRules): Promise<string[]> {
  const host = hostOf(url);
  if (isIP(host)) return [host];
  // RFC 6761, 6.3: these names are never asked of a name server, which could answer anything.
  if (isLocalhost(host)) return ["127.0.0.1", "::1"];
  try {
    return await network.resolve(host);
  } catch (error) {
    throw new NameNotResolved(error);
  }
}

const isAllowed = (address: string, network: Rules): boolean =>
  isPublic(address) || (network.allow_private_webhooks && contains(loopback, address));

const isLoopback = (host: string): boolean => isLocalhost(host) || contains(loopback, host);
const isLocalhost = (host: string): boolean => host === "localhost" || host.endsWith(".localhost");

const isPublic = (address: string): boolean => contains(in_use, address) && !contains(special_purpose, address);

function contains(list: Ranges, address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return list.v4.check(address, "ipv4");
    case 6:
      return list.v6.check(address, "ipv6");
    default:
      return false;
  }
}

/** In comparable form. The URL parser has made it lower case, punycode and, whatever the notation, dotted decimal. */
const hostOf = (url: URL): string => bare(url.hostname);
const bare = (hostname: string): string => hostname.toLowerCase().replace(/^\[|\]$|\.+$/g, "");

const loopback = ranges("127.0.0.0/8", "::1/128");

/** An IPv4 address is public unless it is listed below. Of IPv6 only this part has been handed out. */
const in_use = ranges("0.0.0.0/0", "2000::/3");

/** https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry (inside 2000::/3). */
const special_purpose = ranges(
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // carrier-grade NAT
  "127.0.0.0/8", // loopback
  "168.63.129.16/32", // Azure's host, in no registry
  "169.254.0.0/16", // link-local, where clouds keep their metadata
  "172.16.0.0/12", // private
  "192.0.0.0/24", // IETF protocol assignments
  "192.0.2.0/24", // documentation
  "192.31.196.0/24", // AS112
  "192.52.193.0/24", // AMT
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarking
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
  "2001::/23", // IETF protocol assignments, Teredo among them
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4
  "2620:4f:8000::/48", // AS112
  "3fff::/20", // documentation
);

/** Apart, because a list of both families would find ::ffff:127.0.0.1 in 127.0.0.0/8. */
interface Ranges {
  v4: BlockList;
  v6: BlockList;
}

function ranges(...cidrs: string[]): Ranges {
  const list = { v4: new BlockList(), v6: new BlockList() };
  for (const cidr of cidrs) {
    const [network = "", prefix] = cidr.split("/");
    if (isIP(network) === 4) list.v4.addSubnet(network, Number(prefix), "ipv4");
    else list.v6.addSubnet(network, Number(prefix), "ipv6");
  }
  return list;
}
