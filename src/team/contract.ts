import { z } from "zod";
import { scopes } from "../core/context.ts";
import { idField, listOf, pageInput, several, textField, Timestamp } from "../core/fields.ts";
import { exampleId, help_desk, story } from "../core/story.ts";

export const Role = z.enum(["owner", "admin", "agent", "viewer"]).meta({
  id: "Role",
  description: "`owner` and `admin` have the scopes `read`, `write` and `admin`; `agent` has `read` and `write`; `viewer` has `read`.",
});
export type Role = z.infer<typeof Role>;

export const MemberStatus = z.enum(["invited", "active", "removed"]).meta({
  id: "TeamMemberStatus",
  description: "`invited`: has not joined yet; `removed`: no longer in the team, kept so that the history has a name.",
});
export type MemberStatus = z.infer<typeof MemberStatus>;

export const Author = z
  .object({
    type: z.enum(["team_member", "ai_agent", "api", "system"]).meta({ description: "`api`: an API key; `system`: the service itself." }),
    id: z.string().nullable().meta({ description: "Id of the member or of the API key; null for the others." }),
    name: z.string().meta({ description: "The name at that time." }),
  })
  .meta({ id: "Author", description: "Who did it.", examples: [help_desk] });
export type Author = z.infer<typeof Author>;

const lina = {
  id: exampleId("mem"),
  object: "team_member",
  name: "Lina Haddad",
  email: "lina@shop.example",
  role: "agent",
  scopes: ["read", "write"],
  status: "active",
  invited_at: story.keys_made_at,
  invitation_expires_at: null,
  joined_at: "2026-11-02T09:12:44.018Z",
  removed_at: null,
  created_at: story.keys_made_at,
  updated_at: "2026-11-02T09:12:44.018Z",
};
const invitation_token = "Tq3mZ8r0vX5kLw2nYb7dPc4sHf9jGa1eUi6oRt-_Qwe";
const invitation_expires_at = "2026-11-09T08:00:00.000Z";
const invited = { ...lina, status: "invited", invitation_expires_at, joined_at: null, updated_at: story.keys_made_at };

export const TeamMember = z
  .object({
    id: idField("mem"),
    object: z.literal("team_member"),
    name: z.string().nullable().meta({ description: "Null until somebody has given one." }),
    email: z.string().meta({ description: "The address that was invited, in small letters." }),
    role: Role,
    scopes: z.array(z.enum(scopes)).meta({ description: "The scopes of the role." }),
    status: MemberStatus,
    invited_at: Timestamp.meta({ description: "When the member was last invited." }),
    invitation_expires_at: Timestamp.nullable().meta({ description: "Null unless the member is `invited`." }),
    joined_at: Timestamp.nullable().meta({ description: "When the member accepted an invitation; null: not yet." }),
    removed_at: Timestamp.nullable().meta({ description: "Null unless `status` is `removed`." }),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "TeamMember", description: "A person of the team, who answers the customers.", examples: [lina] });
export type TeamMember = z.input<typeof TeamMember>;

export const InvitedMember = z
  .object({
    ...TeamMember.shape,
    invitation: z
      .object({
        token: z.string().meta({ description: "The secret part of `url`." }),
        url: z
          .string()
          .meta({ format: "uri", description: "The page of the portal where the person joins. No mail is sent: give it to them." }),
        expires_at: Timestamp,
      })
      .meta({ description: "How the person joins. It is shown this once." }),
  })
  .meta({
    id: "InvitedMember",
    description: "The member, and their invitation, which is shown only in this answer.",
    examples: [
      {
        ...invited,
        invitation: {
          token: invitation_token,
          url: `https://api.wassla.dev/portal/join#${invitation_token}`,
          expires_at: invitation_expires_at,
        },
      },
    ],
  });

export const MemberRef = z.strictObject({ team_member_id: idField("mem") });
export type MemberRef = z.output<typeof MemberRef>;

export const ListMembers = z.strictObject({
  role: several(Role),
  status: several(MemberStatus),
  ...pageInput,
});
export type ListMembers = z.output<typeof ListMembers>;
export const TeamMemberList = listOf(TeamMember, "TeamMemberList");

const Name = textField(200, z.string().trim().min(1)).meta({ description: "The person's name.", examples: ["Lina Haddad"] });

/** An address is compared as it is kept: without the blanks around it, in small letters. */
const Email = textField(254, z.string().trim().toLowerCase().email()).meta({
  description: "The address to invite.",
  examples: ["lina@shop.example"],
});

export const InviteMember = z.strictObject({ email: Email, role: Role.meta({ examples: ["agent"] }), name: Name.optional() });
export type InviteMember = z.output<typeof InviteMember>;

export const UpdateMember = MemberRef.extend({
  name: Name.nullable()
    .meta({ description: "The person's name; null removes it.", examples: ["Lina Haddad"] })
    .optional(),
  role: Role.optional(),
});
export type UpdateMember = z.output<typeof UpdateMember>;

export const DeletedMember = z
  .object({ id: idField("mem"), object: z.literal("team_member"), deleted: z.literal(true) })
  .meta({ id: "DeletedTeamMember" });
