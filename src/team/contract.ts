import { z } from "zod";
import { scopes } from "../core/context.ts";
import { idField, listOf, pageInput, several, textField, Timestamp } from "../core/fields.ts";

export const Role = z.enum(["owner", "admin", "agent", "viewer"]).meta({
  description: "`owner` and `admin` may read, write and administer; `agent` may read and write; `viewer` may read.",
});
export type Role = z.infer<typeof Role>;

export const MemberStatus = z.enum(["invited", "active", "removed"]).meta({
  description: "`invited`: has not joined yet; `removed`: no longer of the team, kept so that history has a name.",
});
export type MemberStatus = z.infer<typeof MemberStatus>;

export const Author = z
  .object({
    type: z.enum(["team_member", "ai_agent", "api", "system"]),
    id: z.string().nullable().meta({ description: "Of the member, or of the API key." }),
    name: z.string(),
  })
  .meta({ id: "Author", description: "Who did it.", examples: [{ type: "api", id: "key_01m7x0q4w6e8r9t2y3v5n7b1c4", name: "Help desk" }] });
export type Author = z.infer<typeof Author>;

export const TeamMember = z
  .object({
    id: idField("mem"),
    object: z.literal("team_member"),
    name: z.string().nullable(),
    email: z.string().meta({ examples: ["lina@shop.example"] }),
    role: Role,
    scopes: z.array(z.enum(scopes)).meta({ description: "What the role allows." }),
    status: MemberStatus,
    invited_at: Timestamp.meta({ description: "Of the last invitation." }),
    invitation_expires_at: Timestamp.nullable().meta({ description: "Null unless the member is `invited`." }),
    joined_at: Timestamp.nullable(),
    removed_at: Timestamp.nullable(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "TeamMember", description: "One of the people who answer the business's customers." });
export type TeamMember = z.input<typeof TeamMember>;

export const InvitedMember = z
  .object({
    ...TeamMember.shape,
    invitation: z.object({
      token: z.string(),
      url: z
        .string()
        .meta({ format: "uri", description: "Where whoever was invited joins, in the portal. Nothing is mailed: send it to them." }),
      expires_at: Timestamp,
    }),
  })
  .meta({ id: "InvitedMember", description: "The member, and their invitation: this is the only time that it is shown." });

export const MemberRef = z.strictObject({ team_member_id: idField("mem") });
export type MemberRef = z.output<typeof MemberRef>;

export const ListMembers = z.strictObject({
  role: several(Role),
  status: several(MemberStatus),
  ...pageInput,
});
export type ListMembers = z.output<typeof ListMembers>;
export const TeamMemberList = listOf(TeamMember, "TeamMemberList");

const Name = textField(200, z.string().trim().min(1)).meta({ examples: ["Lina Haddad"] });

/** An address is compared as it is kept: without the blanks around it, in small letters. */
const Email = textField(254, z.string().trim().toLowerCase().email()).meta({ examples: ["lina@shop.example"] });

export const InviteMember = z.strictObject({ email: Email, role: Role, name: Name.optional() });
export type InviteMember = z.output<typeof InviteMember>;

export const UpdateMember = MemberRef.extend({ name: Name.nullable().optional(), role: Role.optional() });
export type UpdateMember = z.output<typeof UpdateMember>;

export const DeletedMember = z
  .object({ id: idField("mem"), object: z.literal("team_member"), deleted: z.literal(true) })
  .meta({ id: "DeletedTeamMember" });
