import { z } from "zod";
import { idField, Timestamp } from "../core/fields.ts";
import { Role, TeamMember } from "../team/contract.ts";

/** Counted as the engine counts, in UTF-16 units. A long one is worth more than a strange one: nothing else is asked of it. */
const Password = z.string().min(10).max(128);
/** Whatever is typed where a password is asked for: what was chosen elsewhere may be shorter than what may be chosen now. */
const TypedPassword = z.string().min(1).max(128);
const Email = z.string().trim().toLowerCase().max(254).email();
const Token = z.string().min(1).max(200);

export const SignIn = z.strictObject({ email: Email, password: TypedPassword });
export type SignIn = z.output<typeof SignIn>;

export const ChangePassword = z.strictObject({ current_password: TypedPassword, new_password: Password });
export type ChangePassword = z.output<typeof ChangePassword>;

export const SessionRef = z.strictObject({ session_id: idField("ses") });
export type SessionRef = z.output<typeof SessionRef>;

export const SwitchWorkspace = z.strictObject({ workspace_id: idField("ws") });
export type SwitchWorkspace = z.output<typeof SwitchWorkspace>;

export const InvitationToken = z.strictObject({ token: Token });

export const AcceptInvitation = z.strictObject({
  token: Token,
  /** Without one the name stays that the invitation was made with. */
  name: z.string().trim().min(1).max(200).optional(),
  /** Of somebody who has an account already: theirs. */
  password: Password,
});
export type AcceptInvitation = z.output<typeof AcceptInvitation>;

export const Nothing = z.strictObject({});

const WorkspaceName = z.object({ id: idField("ws"), name: z.string() });

/** Who is signed in, and as whom of which workspace. Never its token: that is in the cookie and nowhere else. */
export const Session = z.object({
  object: z.literal("session"),
  id: idField("ses"),
  user: z.object({ id: idField("usr"), name: z.string(), email: z.string() }),
  workspace: WorkspaceName.nullable(),
  member: TeamMember.pick({ id: true, name: true, role: true, scopes: true }).nullable(),
  /** Those the person may switch to, this one among them. */
  workspaces: z.array(WorkspaceName.extend({ role: Role })),
  created_at: Timestamp,
  expires_at: Timestamp,
});
export type Session = z.input<typeof Session>;

export const SessionList = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({
      object: z.literal("session"),
      id: idField("ses"),
      is_current: z.boolean(),
      ip_address: z.string().nullable(),
      user_agent: z.string().nullable(),
      created_at: Timestamp,
      expires_at: Timestamp,
    }),
  ),
});
export type SessionList = z.input<typeof SessionList>;
