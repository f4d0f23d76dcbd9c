import { request as askHttp } from "node:http";
import { request as askHttps } from "node:https";
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { seconds } from "../core/time.ts";

export interface Way {
  /** Roots to trust instead of the system's, in PEM. */
  ca?: string | undefined;
  /** A proxy that takes CONNECT (RFC 9110 §9.3.6), where no socket may leave the building by itself. */
  proxy_url?: string | undefined;
}

interface Listener {
  /** The receiver's address answered. */
  reached: (address: string | null) => void;
  opened: (socket: Socket) => void;
  failed: (error: Error) => void;
}

/** The proxy did not let us out: no receiver is to blame. */
export class NoWayOut extends Error {
  override readonly name = "NoWayOut";
}

/** Connects to one of the judged addresses; SNI and the certificate's name stay the URL's. */
export function openSocket(url: URL, addresses: string[], way: Way, listener: Listener): { destroy(): void } {
  if (way.proxy_url !== undefined) return openTunnel(new URL(way.proxy_url), url, addresses, way, listener);
  const target = {
    host: hostOf(url),
    port: portOf(url),
    lookup: pinned(addresses),
    autoSelectFamily: true,
    // Node's 250 ms for each address are less than a round trip to some ends of the world.
    autoSelectFamilyAttemptTimeout: seconds(1),
  };
  const socket = isSecure(url) ? connectTls({ ...target, ...identity(url, way) }) : connectTcp(target);
  return socket
    .setNoDelay(true)
    .once("connect", () => listener.reached(socket.remoteAddress ?? null))
    .once(isSecure(url) ? "secureConnect" : "connect", () => listener.opened(socket))
    .on("error", listener.failed);
}

/** Asks the proxy for the judged addresses, never for the name: what it would find under that nobody has judged. */
function openTunnel(proxy: URL, url: URL, addresses: string[], way: Way, listener: Listener): { destroy(): void } {
  let current: { destroy(): void };

  const ask = ([address = "", ...others]: string[]): void => {
    const path = `${isIP(address) === 6 ? `[${address}]` : address}:${portOf(url)}`;
    const request = (isSecure(proxy) ? askHttps : askHttp)({
      host: hostOf(proxy),
      port: portOf(proxy),
      method: "CONNECT",
      path,
      headers: { Host: path, ...authorization(proxy) },
      agent: false,
    });
    current = request;
    request
      // A proxy may hang up because nobody is behind it.
      .on("error", (error: NodeJS.ErrnoException) => {
        listener.failed(error.code === "ECONNRESET" ? error : new NoWayOut("the proxy cannot be asked", { cause: error }));
      })
      .once("connect", ({ statusCode = 0 }, stream, head) => {
        const socket = (stream as Socket).setNoDelay(true).on("error", listener.failed);
        if (statusCode >= 200 && statusCode < 300) {
          listener.reached(address);
          if (head.length > 0) socket.unshift(head);
          return enter(socket);
        }
        socket.destroy();
        if (statusCode === 407) return listener.failed(new NoWayOut("the proxy wants to know who asks"));
        if (others.length > 0) ask(others);
        else listener.failed(Object.assign(new Error(`the proxy answered ${statusCode}`), { code: "ECONNREFUSED" }));
      })
      .end();
  };

  const enter = (socket: Socket): void => {
    current = socket;
    if (!isSecure(url)) return listener.opened(socket);
    const inner = connectTls({ socket, ...identity(url, way) });
    current = inner;
    inner.once("secureConnect", () => listener.opened(inner)).on("error", listener.failed);
  };

  ask(addresses);
  return { destroy: () => current.destroy() };
}

const isSecure = ({ protocol }: URL): boolean => protocol === "https:";
const portOf = (url: URL): number => Number(url.port || (isSecure(url) ? 443 : 80));
const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$|\.$/g, "");

const identity = (url: URL, { ca }: Way) => ({
  servername: isIP(hostOf(url)) ? "" : hostOf(url),
  ALPNProtocols: ["http/1.1"],
  rejectUnauthorized: true,
  ...(ca !== undefined && { ca }),
});

/** Basic, of what stands in the proxy's URL (RFC 9110 §11.7.2). */
function authorization({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "Proxy-Authorization": `Basic ${Buffer.from(credentials).toString("base64")}` };
}

/** Node does not call this for a literal address, which is why the guard is not here. */
function pinned(addresses: string[]): LookupFunction {
  const answer = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, _options, done) => done(null, answer);
}
