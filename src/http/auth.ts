import { createHash } from "node:crypto";
import { Hono, type Context, type Handler } from "hono";
import type { z } from "zod";
import { ApiError } from "../core/errors.ts";
import { takeFromWindow } from "../rate-limits/take-from-window.ts";
import { acceptInvitation } from "../sessions/accept-invitation.ts";
import { beginSession } from "../sessions/begin-session.ts";
import { changePassword } from "../sessions/change-password.ts";
import {
  AcceptInvitation,
  ChangePassword,
  InvitationToken,
  Nothing,
  Session,
  SessionList,
  SessionRef,
  SignIn,
  SwitchWorkspace,
} from "../sessions/contract.ts";
import { readCookie } from "../sessions/cookie.ts";
import { createEngine, type Engine, type Route } from "../sessions/engine.ts";
import { findLogin, wrongCredentials } from "../sessions/find-login.ts";
import { describeSession, findSession, listSessions, type SessionRow } from "../sessions/find-session.ts";
import { endSession, revokeOtherSessions, revokeSession } from "../sessions/revoke-session.ts";
import { switchWorkspace } from "../sessions/switch-workspace.ts";
import { noteFailure, type Whence } from "../sessions/tell-teams.ts";
import { findInvitation } from "../team/find-invitation.ts";
import { readJsonBody } from "./body.ts";
import { createAddressReader, limitSubject } from "./client-address.ts";
import { limitBody, type Front, type Rules } from "./front-door.ts";
import { assertOwnPage } from "./own-page.ts";
import { readQuery } from "./parameters.ts";
import { sendProblem } from "./problem.ts";
import { readInput } from "./read-input.ts";
import { respond } from "./respond.ts";

const body_limit_bytes = 16 * 1024;

/** How often a password may be tried a minute: by one address, and by one address for one account. So nobody can lock out somebody else. */
const tries_per_address = 30;
const tries_per_account = 5;

/** How the portal's people sign in and out, join a team, and look after their sessions. */
export function auth(rules: Pick<Rules, "ip_limit_per_minute" | "sign_in_limit_per_minute" | "trusted_proxies">): Hono<Front> {
  const app = new Hono<Front>();
  const addressOf = createAddressReader(rules.trusted_proxies);
  let engine: Promise<Engine> | undefined;

  function answer<I extends z.ZodObject>(
    method: "GET" | "POST",
    path: `/auth/${string}`,
    contract: I,
    run: (c: Context<Front>, input: z.output<I>) => Promise<Response>,
  ): void {
    const enter = guarded(async (c) => {
      assertOwnPage(c);
      const subject = limitSubject(addressOf(c));
      await takeFromWindow(c.get("services"), { scope: "ip", subject, limit: rules.ip_limit_per_minute, cost: 1 });
      const given =
        method === "POST" ? await readJsonBody(c.req.raw, []) : readQuery(c.req.url, { shape: contract.def.shape as never, in_path: [] });
      return run(c, readInput(contract, given));
    });
    app.on(method, path, limitBody(body_limit_bytes), enter);
    const allow = method === "GET" ? "GET, HEAD" : method;
    app.all(path, (c) => sendProblem(c, new ApiError("method_not_allowed", { detail: `Use ${allow}.`, headers: { Allow: allow } })));
  }

  answer("POST", "/auth/sign_in", SignIn, async (c, input) => {
    await countTry(c, input.email);
    return signIn(c, input);
  });

  answer("POST", "/auth/sign_out", Nothing, async (c) => {
    await endSession(c.get("services"), whenceOf(c), tokenOf(c));
    // It finds no session any more, and takes the cookie back.
    const { cookie } = await ask(c, "POST", "/sign-out");
    return say(c, { object: "session", revoked: true }, cookie);
  });

  /** Also where a session is renewed: whoever looks at the portal every week stays signed in. */
  answer("GET", "/auth/session", Nothing, async (c) => {
    const services = c.get("services");
    await findSession(services, tokenOf(c));
    const { cookie } = await ask(c, "GET", "/get-session");
    return say(c, Session.parse(await describeSession(services, await findSession(services, tokenOf(c)))), cookie);
  });

  answer("POST", "/auth/switch_workspace", SwitchWorkspace, async (c, input) => {
    const services = c.get("services");
    const switched = await switchWorkspace(services, await findSession(services, tokenOf(c)), input);
    return say(c, Session.parse(await describeSession(services, switched)));
  });

  answer("POST", "/auth/change_password", ChangePassword, async (c, input) => {
    const services = c.get("services");
    const session = await findSession(services, tokenOf(c));
    const { email } = session.user;
    await countTry(c, email);
    await changePassword(services, whenceOf(c), session, input);
    return signIn(c, { email, password: input.new_password }, session.workspace_id);
  });

  answer("GET", "/auth/sessions", Nothing, async (c) => {
    const services = c.get("services");
    return say(c, SessionList.parse(await listSessions(services, await findSession(services, tokenOf(c)))));
  });

  answer("POST", "/auth/revoke_session", SessionRef, async (c, input) => {
    const services = c.get("services");
    await revokeSession(services, whenceOf(c), await findSession(services, tokenOf(c)), input);
    return say(c, { object: "session", id: input.session_id, revoked: true });
  });

  answer("POST", "/auth/revoke_other_sessions", Nothing, async (c) => {
    const services = c.get("services");
    const session = await findSession(services, tokenOf(c));
    await revokeOtherSessions(services, whenceOf(c), session);
    return say(c, SessionList.parse(await listSessions(services, session)));
  });

  /** What the page shows to whoever comes with an invitation. The token is in the body: what stands in a URL stands in logs. */
  answer("POST", "/auth/invitation", InvitationToken, async (c, { token }) => {
    const { workspace, member, expires_at } = await findInvitation(c.get("services"), token);
    const has_account = (await findLogin(c.get("services"), member.email)) !== undefined;
    const { email, name, role } = member;
    return say(c, { object: "invitation", workspace: { name: workspace.name }, email, name, role, has_account, expires_at });
  });

  answer("POST", "/auth/accept_invitation", AcceptInvitation, async (c, input) => {
    const invitation = await findInvitation(c.get("services"), input.token);
    const { email } = invitation.member;
    await countTry(c, email);
    await acceptInvitation(c.get("services"), whenceOf(c), invitation, input);
    return signIn(c, { email, password: input.password });
  });

  app.all("/auth/*", (c) => sendProblem(c, new ApiError("not_found", { detail: "There is nothing at this path." })));

  /** Before the slow hash is made, and whether it will be right or wrong. What was typed as an address is not kept as it stands. */
  async function countTry(c: Context<Front>, email: string): Promise<void> {
    const services = c.get("services");
    const ip = limitSubject(addressOf(c));
    const account = createHash("sha256").update(email).digest("base64url");
    const limit = rules.sign_in_limit_per_minute ?? tries_per_address;
    try {
      await takeFromWindow(services, { scope: "sign_in", subject: ip, limit, cost: 1 });
      await takeFromWindow(services, { scope: "sign_in", subject: `${ip} ${account}`, limit: tries_per_account, cost: 1 });
    } catch (error) {
      if (error instanceof ApiError) noteFailure(services, whenceOf(c), email, "team_member.sign_in_refused");
      throw error;
    }
  }

  /** A new session each time, whatever cookie came along: nobody is made to use one that somebody else knows. */
  async function signIn(c: Context<Front>, { email, password }: SignIn, workspace_id?: SessionRow["workspace_id"]): Promise<Response> {
    const services = c.get("services");
    const login = await findLogin(services, email);
    const { status, cookie, token } = await ask(c, "POST", "/sign-in/email", { email, password });
    if (status !== 200 || !login || token === undefined) {
      noteFailure(services, whenceOf(c), email, "team_member.sign_in_failed");
      throw wrongCredentials();
    }
    const session = await beginSession(services, whenceOf(c), { token, login, ...(workspace_id !== undefined && { workspace_id }) });
    return say(c, Session.parse(await describeSession(services, session)), cookie);
  }

  const userAgentOf = (c: Context<Front>): string | undefined => c.req.header("user-agent")?.slice(0, 500);

  const whenceOf = (c: Context<Front>): Whence => ({
    request_id: c.get("request_id"),
    ip_address: addressOf(c),
    user_agent: userAgentOf(c) ?? null,
  });

  const ask = async (c: Context<Front>, method: "GET" | "POST", route: Route, body?: object) =>
    (await (engine ??= createEngine(c.get("services")))).ask(method, route, {
      origin: c.req.header("origin"),
      address: addressOf(c),
      user_agent: userAgentOf(c),
      token: tokenOf(c),
      body,
    });

  return app;
}

const tokenOf = (c: Context<Front>): string | undefined => readCookie(c.get("services"), c.req.header("cookie"));

/** Nothing of it is kept on the way. */
function say(c: Context<Front>, value: object, cookie?: string): Response {
  const headers = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    ...(cookie !== undefined && { "Set-Cookie": cookie }),
  };
  return respond(c, JSON.stringify(value), 200, headers);
}

const guarded =
  (run: (c: Context<Front>) => Promise<Response>): Handler<Front> =>
  async (c) => {
    try {
      return await run(c);
    } catch (error) {
      return sendProblem(c, error);
    }
  };
