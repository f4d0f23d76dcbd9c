import type { Services } from "../core/context.ts";
import type { Prefix } from "../core/ids.ts";
import { seconds } from "../core/time.ts";
import { cookieOf, ownOrigins, writeCookie } from "./cookie.ts";
import { lifetime_ms, renewed_after_ms, unbegun_ms } from "./lifetime.ts";
import { hashPassword, isPassword } from "./password.ts";
import { accounts, sessions, users, verifications } from "./tables.ts";

/** Written by us from the socket; what a client writes under this name never reaches the engine. */
const address_header = "x-client-address";

const prefixes: Record<string, Prefix> = { user: "usr", session: "ses", account: "acc", verification: "vrf" };

/** What the engine is asked for; every other route that it has leads nowhere. */
export type Route = "/sign-in/email" | "/sign-out" | "/get-session";

/** What it answers to people: done, or refused. With anything else it was asked wrongly, which is nobody's password. */
const spoken: ReadonlySet<number> = new Set([200, 400, 401]);

interface Question {
  origin: string | undefined;
  address: string;
  user_agent: string | undefined;
  /** Of the session that asks. */
  token?: string | undefined;
  body?: object | undefined;
}

export interface EngineAnswer {
  status: number;
  /** Of the session that was made. */
  token: string | undefined;
  /** The session's own; the engine would like to set others. */
  cookie: string | undefined;
}

export type Engine = Awaited<ReturnType<typeof createEngine>>;

/**
 * Checks passwords, makes and renews sessions, writes their cookie; members, invitations, origins and limits are ours.
 * It is never asked inside a transaction: it would wait for the one connection for ever, or write outside.
 */
export async function createEngine(services: Services) {
  // Half a second of a start that nobody but the portal's people would have a use for.
  const [{ betterAuth }, { drizzleAdapter }] = await Promise.all([import("better-auth/minimal"), import("better-auth/adapters/drizzle")]);
  const { db, newId, settings, vault } = services;
  const { name, secure } = cookieOf(settings);
  const auth = betterAuth({
    appName: "Wassla",
    baseURL: settings.public_url,
    basePath: "/auth",
    secret: vault.secrets("session_cookies")[0]!,
    trustedOrigins: ownOrigins(settings),
    database: drizzleAdapter(db, {
      provider: "pg",
      schema: { user: users, session: sessions, account: accounts, verification: verifications },
    }),
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: 10,
      maxPasswordLength: 128,
      password: { hash: hashPassword, verify: ({ hash, password }) => isPassword(password, hash) },
    },
    session: {
      expiresIn: lifetime_ms / seconds(1),
      updateAge: renewed_after_ms / seconds(1),
      // A copy in the cookie would outlive the session.
      cookieCache: { enabled: false },
    },
    databaseHooks: {
      // Of its own it is over before long: `beginSession` gives it its time.
      session: { create: { before: async (made) => ({ data: { ...made, expiresAt: new Date(made.createdAt.getTime() + unbegun_ms) } }) } },
    },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // A refusal is its answer; what it could not do is thrown, and told as what anybody here could not do.
    logger: { disabled: true },
    onAPIError: { throw: true },
    advanced: {
      // Said, because NODE_ENV=test would switch both off.
      disableCSRFCheck: false,
      disableOriginCheck: false,
      useSecureCookies: false,
      cookies: { session_token: { name, attributes: { secure, httpOnly: true, sameSite: "lax", path: "/" } } },
      ipAddress: { ipAddressHeaders: [address_header] },
      database: { generateId: ({ model }) => newId(prefixes[model]!) },
    },
  });

  return {
    async ask(method: "GET" | "POST", route: Route, { origin, address, user_agent, token, body }: Question): Promise<EngineAnswer> {
      const headers = new Headers({ [address_header]: address });
      if (origin !== undefined) headers.set("origin", origin);
      if (user_agent !== undefined) headers.set("user-agent", user_agent);
      if (token !== undefined) headers.set("cookie", writeCookie(services, token));
      if (method === "POST") headers.set("content-type", "application/json");
      const request = new Request(`${settings.public_url}/auth${route}`, {
        method,
        headers,
        ...(method === "POST" && { body: JSON.stringify(body ?? {}) }),
      });
      const response = await auth.handler(request);
      if (!spoken.has(response.status)) throw new Error(`the session engine answered ${response.status} to ${route}`);
      const text = await response.text();
      return {
        status: response.status,
        token: text === "" ? undefined : ((JSON.parse(text) as { token?: string | null } | null)?.token ?? undefined),
        cookie: response.headers.getSetCookie().find((cookie) => cookie.startsWith(`${name}=`)),
      };
    },
  };
}
