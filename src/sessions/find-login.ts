import { and, eq } from "drizzle-orm";
import type { Services } from "../core/context.ts";
import { unauthorized } from "../core/errors.ts";
import { accounts, users } from "./tables.ts";

export type Login = NonNullable<Awaited<ReturnType<typeof findLogin>>>;

export const wrongCredentials = () => unauthorized("wrong_credentials", "The email address or the password is wrong.");

/** Whether somebody can sign in with this address already, and what is kept of their password. */
export async function findLogin({ db }: Pick<Services, "db">, email: string) {
  const [login] = await db
    .select({ user_id: users.id, name: users.name, password: accounts.password })
    .from(users)
    .innerJoin(accounts, and(eq(accounts.userId, users.id), eq(accounts.providerId, "credential")))
    .where(eq(users.email, email));
  return login && { ...login, password: login.password ?? "" };
}
