import { createWasslaClient } from "../../src/client.ts";
import type { Id } from "../../src/core/ids.ts";
import type { Session } from "../../src/sessions/contract.ts";
import type { Role } from "../../src/team/contract.ts";
import { asService } from "./fence.ts";
import { neverTell } from "./leaks.ts";
import { invite } from "./team.ts";
import type { Answer, Tenant, World } from "./world.ts";

export const portal = "https://api.wassla.test";
export const cookie_name = "__Host-wassla_session";
export const password = "correct horse battery staple";

/** What a browser adds to what a page asks: its origin, and the cookie that it was given. */
export function openBrowser(world: World, headers: Record<string, string> = { Origin: portal }) {
  let cookie: string | undefined;
  const jar = () => ({ ...headers, ...(cookie !== undefined && { Cookie: cookie }) });

  async function ask<T = Record<string, unknown>>(method: string, path: string, body?: unknown, more: Record<string, string> = {}) {
    const answer = await world.request<T>(path, { method, ...(body !== undefined && { body }), headers: { ...jar(), ...more } });
    const [pair = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
    if (!pair.startsWith(`${cookie_name}=`)) return answer;
    cookie = pair === `${cookie_name}=` ? undefined : pair;
    if (cookie !== undefined) neverTell(cookie, tokenIn(cookie));
    return answer;
  }

  return {
    get: <T>(path: string, more?: Record<string, string>) => ask<T>("GET", path, undefined, more),
    post: <T>(path: string, body?: unknown, more?: Record<string, string>) => ask<T>("POST", path, body ?? {}, more),
    signIn: (email: string, given = password) => ask<Session>("POST", "/auth/sign_in", { email, password: given }),
    cookie: () => cookie,
    setCookie: (value: string | undefined) => void (cookie = value),
    /** The portal's own client, asking with whatever the browser has. */
    client: () =>
      createWasslaClient({
        url: portal,
        fetch: (input, init) => {
          const request = new Request(input as string, { ...(init as RequestInit), headers: { ...(init?.headers as object), ...jar() } });
          return asService(() => Promise.resolve(world.app.fetch(request)));
        },
      }),
  };
}

export type Browser = ReturnType<typeof openBrowser>;

/** The session's token as the database keeps it, without the signature. */
export const tokenIn = (cookie: string): string => decodeURIComponent(cookie.slice(cookie.indexOf("=") + 1)).split(".")[0]!;

/** Somebody who was invited, has joined by their link, and is signed in in a browser of their own. */
export async function welcome(world: World, tenant: Tenant, role: Role = "agent", given: { email?: string; name?: string } = {}) {
  const { name = "Lina Haddad", ...rest } = given;
  const { body: invited } = await invite(tenant, { role, ...rest });
  const browser = openBrowser(world);
  const answer: Answer<Session> = await browser.post("/auth/accept_invitation", { token: invited.invitation.token, name, password });
  if (answer.status !== 200) throw new Error(`the invitation was answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
  return { browser, client: browser.client(), id: invited.id as Id<"mem">, email: invited.email, session: answer.body };
}
