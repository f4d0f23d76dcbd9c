import type { TxCtx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { accounts, memberships, users } from "./tables.ts";

interface NewLogin {
  email: string;
  name: string;
  password_hash: string;
}

/** Somebody who can sign in. Nothing comes back where the address has become somebody's meanwhile. */
export async function createLogin(ctx: TxCtx, { email, name, password_hash }: NewLogin): Promise<Id<"usr"> | undefined> {
  const now = new Date(ctx.now());
  const times = { createdAt: now, updatedAt: now };
  const [user] = await ctx.db
    .insert(users)
    .values({ id: ctx.newId("usr"), name, email, ...times })
    .onConflictDoNothing({ target: users.email })
    .returning({ id: users.id });
  if (!user) return undefined;
  const account = { providerId: "credential", accountId: user.id, password: password_hash };
  await ctx.db.insert(accounts).values({ id: ctx.newId("acc"), userId: user.id, ...account, ...times });
  return user.id;
}

/** Whoever comes back to a team is the member they were. */
export async function linkMember(ctx: TxCtx, user_id: Id<"usr">, member_id: Id<"mem">): Promise<void> {
  await ctx.db.insert(memberships).values({ workspace_id: ctx.workspace_id, user_id, member_id }).onConflictDoNothing();
}
