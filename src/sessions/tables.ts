import { boolean, foreignKey, index, pgTable, primaryKey, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";
import { id } from "../db/columns.ts";
import { members } from "../team/tables.ts";
import { workspaces } from "../workspaces/tables.ts";

/*
 * People, as the session engine keeps them: it names properties in camelCase and speaks in `Date`s. None of these is
 * a tenant's table: a person may be of several workspaces, and is known before it is known of which.
 */
const moment = (name: string) => timestamp(name, { precision: 3, withTimezone: true });

export const users = pgTable("users", {
  id: id("usr").primaryKey(),
  name: text().notNull(),
  /** In small letters. */
  email: text().notNull().unique(),
  emailVerified: boolean("email_verified").notNull().default(false),
  image: text(),
  createdAt: moment("created_at").notNull(),
  updatedAt: moment("updated_at").notNull(),
});

/** The token stands here in clear and opens nothing alone: a cookie carries its HMAC under the master key too. */
export const sessions = pgTable(
  "sessions",
  {
    id: id("ses").primaryKey(),
    token: text().notNull().unique(),
    userId: id("usr", "user_id")
      .notNull()
      .references(() => users.id),
    /** Which of the person's workspaces it speaks for. Null for somebody who is of none. */
    workspaceId: id("ws", "workspace_id").references(() => workspaces.id),
    expiresAt: moment("expires_at").notNull(),
    ipAddress: text("ip_address"),
    userAgent: text("user_agent"),
    createdAt: moment("created_at").notNull(),
    updatedAt: moment("updated_at").notNull(),
  },
  (t) => [index("sessions_user").on(t.userId), index("sessions_expiry").on(t.expiresAt)],
);

/** How somebody proves who they are: by a password, as argon2id keeps it. The other columns are for what the engine may be asked later. */
export const accounts = pgTable(
  "accounts",
  {
    id: id("acc").primaryKey(),
    userId: id("usr", "user_id")
      .notNull()
      .references(() => users.id),
    providerId: text("provider_id").notNull(),
    accountId: text("account_id").notNull(),
    password: text(),
    accessToken: text("access_token"),
    refreshToken: text("refresh_token"),
    idToken: text("id_token"),
    accessTokenExpiresAt: moment("access_token_expires_at"),
    refreshTokenExpiresAt: moment("refresh_token_expires_at"),
    scope: text(),
    createdAt: moment("created_at").notNull(),
    updatedAt: moment("updated_at").notNull(),
  },
  (t) => [uniqueIndex("accounts_user").on(t.userId, t.providerId)],
);

export const verifications = pgTable(
  "verifications",
  {
    id: id("vrf").primaryKey(),
    identifier: text().notNull(),
    value: text().notNull(),
    expiresAt: moment("expires_at").notNull(),
    createdAt: moment("created_at").notNull(),
    updatedAt: moment("updated_at").notNull(),
  },
  (t) => [index("verifications_identifier").on(t.identifier)],
);

/** Which member of which workspace somebody is: the way from a session to its tenant. */
export const memberships = pgTable(
  "memberships",
  {
    user_id: id("usr")
      .notNull()
      .references(() => users.id),
    workspace_id: id("ws").notNull(),
    member_id: id("mem").notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.user_id, t.workspace_id] }),
    foreignKey({ columns: [t.workspace_id, t.member_id], foreignColumns: [members.workspace_id, members.id] }),
    uniqueIndex("memberships_member").on(t.workspace_id, t.member_id),
  ],
);
