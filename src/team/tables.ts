import { foreignKey, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { id, instant } from "../db/columns.ts";
import { workspaces } from "../workspaces/tables.ts";
import type { MemberStatus, Role } from "./contract.ts";

/** Never deleted: what a member did keeps their name. */
export const members = pgTable(
  "members",
  {
    workspace_id: id("ws")
      .notNull()
      .references(() => workspaces.id),
    id: id("mem").notNull(),
    name: text(),
    /** In small letters. */
    email: text().notNull(),
    role: text().$type<Role>().notNull(),
    status: text().$type<MemberStatus>().notNull().default("invited"),
    invited_at: instant().notNull(),
    invitation_expires_at: instant(),
    joined_at: instant(),
    removed_at: instant(),
    created_at: instant().notNull(),
    updated_at: instant().notNull(),
  },
  (t) => [primaryKey({ columns: [t.workspace_id, t.id] }), uniqueIndex("members_email").on(t.workspace_id, t.email)],
);

/** An invitation by its token's SHA-256: whoever comes with the token does not know yet which workspace it is for. */
export const invitation_digests = pgTable(
  "invitation_digests",
  {
    digest: text().primaryKey(),
    workspace_id: id("ws").notNull(),
    member_id: id("mem").notNull(),
  },
  (t) => [
    foreignKey({ columns: [t.workspace_id, t.member_id], foreignColumns: [members.workspace_id, members.id] }),
    uniqueIndex("invitation_digests_member").on(t.workspace_id, t.member_id),
  ],
);
