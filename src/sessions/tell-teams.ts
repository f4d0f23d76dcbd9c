import { and, eq, gte, sql } from "drizzle-orm";
import type { AuditedAction } from "../audit/contract.ts";
import { record } from "../audit/record.ts";
import { audit_log } from "../audit/tables.ts";
import { systemCtx, type Services, type Tx, type TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { after, hours } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { idsFrom } from "../db/created-within.ts";
import { mine } from "../db/mine.ts";
import { query } from "../db/query.ts";
import { scopesOf } from "../team/roles.ts";
import { activeMembershipsOf, type SessionRow } from "./find-session.ts";
import { users } from "./tables.ts";

/** Which request it is, and where it comes from: what an auditor asks of a sign-in. */
export interface Whence {
  request_id: Id<"req">;
  ip_address: string;
  user_agent: string | null;
}

/** What a person does with their sign-in concerns each team that they are in: it is told there in their name, in the transaction that does it. */
export async function tellTeams(
  tx: Services & { db: Tx },
  { request_id, ...whence }: Whence,
  user: Pick<SessionRow["user"], "id" | "name">,
  action: AuditedAction,
  details: Record<string, unknown>,
): Promise<void> {
  for (const { workspace, member } of await activeMembershipsOf(tx, user.id)) {
    const actor = { type: "member", id: member.id, name: member.name ?? user.name, scopes: scopesOf(member.role) } as const;
    const ctx = { ...systemCtx(tx, workspace.id, actor), db: tx.db, request_id };
    await record(ctx, action, member.id, { ...details, ...whence });
  }
}

type Failure = "team_member.sign_in_failed" | "team_member.sign_in_refused";

/**
 * That somebody could not sign in is told to the teams of whoever has the address, and by nobody's clock: an answer that
 * waited for it would say that there is such a person. Of somebody unknown there is nobody to tell.
 */
export function noteFailure(services: Services, whence: Whence, email: string, action: Failure): void {
  tellOfFailure(services, whence, email, action).catch((error: unknown) =>
    services.log.warn({ err: error, request_id: whence.request_id }, "a sign-in that failed is not in the audit log"),
  );
}

async function tellOfFailure(services: Services, { request_id, ...whence }: Whence, email: string, action: Failure): Promise<void> {
  const [user] = await services.db.select({ id: users.id }).from(users).where(eq(users.email, email));
  for (const { workspace, member } of user ? await activeMembershipsOf(services, user.id) : []) {
    await atomically({ ...systemCtx(services, workspace.id), request_id }, async (tx) => {
      if (await isToldOf(tx, member.id, action)) return;
      await record(tx, action, member.id, whence);
    });
  }
}

const told_every_ms = hours(1);

/** Whether it was told in the past hour, or is being told: who guesses passwords must not fill a log from which nothing is ever taken. */
async function isToldOf(ctx: TxCtx, member_id: Id<"mem">, action: Failure): Promise<boolean> {
  const turn = sql`select pg_try_advisory_xact_lock(hashtextextended(${`${member_id} ${action}`}, 0)) as had`;
  const [lock] = await query<{ had: boolean }>(ctx.db, turn);
  if (!lock?.had) return true;
  const since = after(ctx.now(), -told_every_ms);
  const lately = and(eq(audit_log.action, action), gte(audit_log.id, idsFrom("aud", since)), gte(audit_log.created_at, since));
  const [told] = await ctx.db
    .select({ id: audit_log.id })
    .from(audit_log)
    .where(and(mine(ctx, audit_log), eq(audit_log.target_id, member_id), lately))
    .limit(1);
  return told !== undefined;
}
