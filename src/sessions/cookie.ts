import { createHmac } from "node:crypto";
import type { Services } from "../core/context.ts";
import { sameSecret } from "../core/same-secret.ts";

type Cookies = Pick<Services, "vault" | "settings">;

/**
 * `__Host-` binds the cookie to this very host and to TLS. A laptop has none: on plain http and loopback, where nothing
 * is on the way and not every browser takes a Secure cookie, it is an ordinary one.
 */
export function cookieOf({ public_url }: Services["settings"]): { name: string; secure: boolean } {
  return isLaptop(public_url) ? { name: "wassla_session", secure: false } : { name: "__Host-wassla_session", secure: true };
}

/** The pages that may ask with it. A laptop's browser may call it by either name. */
export function ownOrigins({ public_url }: Services["settings"]): string[] {
  const { origin, protocol, port } = new URL(public_url);
  const at = (host: string) => `${protocol}//${host}${port && `:${port}`}`;
  return isLaptop(public_url) ? [...new Set([origin, at("127.0.0.1"), at("localhost")])] : [origin];
}

function isLaptop(public_url: string): boolean {
  const { protocol, hostname } = new URL(public_url);
  return protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(hostname);
}

/** The token of a cookie that was signed here, under any of the master keys; of two cookies by that name, neither. */
export function readCookie({ vault, settings }: Cookies, header: string | undefined): string | undefined {
  const [value, ...others] = valuesOf(cookieOf(settings).name, header);
  if (value === undefined || others.length > 0) return undefined;
  const at = value.lastIndexOf(".");
  const [token, signature] = [value.slice(0, at), value.slice(at + 1)];
  return vault.secrets("session_cookies").some((secret) => sameSecret(signature, sign(token, secret))) ? token : undefined;
}

export const hasCookie = ({ settings }: Pick<Cookies, "settings">, header: string | undefined): boolean =>
  valuesOf(cookieOf(settings).name, header).length > 0;

/** As the engine signs it, under the newest key. */
export function writeCookie({ vault, settings }: Cookies, token: string): string {
  const [newest] = vault.secrets("session_cookies");
  return `${cookieOf(settings).name}=${encodeURIComponent(`${token}.${sign(token, newest!)}`)}`;
}

function valuesOf(name: string, header = ""): string[] {
  return header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => decoded(pair.slice(name.length + 1)));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

const sign = (token: string, secret: string): string => createHmac("sha256", secret).update(token).digest("base64");
