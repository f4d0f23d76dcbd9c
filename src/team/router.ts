import { adminWrite, read, router } from "../trpc/procedure.ts";
import {
  DeletedMember,
  InviteMember,
  InvitedMember,
  ListMembers,
  MemberRef,
  TeamMember,
  TeamMemberList,
  UpdateMember,
} from "./contract.ts";
import { findMember, listMembers, lockMember } from "./find-member.ts";
import { inviteMember } from "./invite-member.ts";
import { removeMember } from "./remove-member.ts";
import { updateMember } from "./update-member.ts";

export const teamMembersRouter = router({
  list: read({
    route: "GET /v1/team_members",
    name: "listTeamMembers",
    summary: "List team members",
    description: "The people who answer, the newest first. Those who were removed are in it too, as `removed`: history needs their names.",
    input: ListMembers,
    output: TeamMemberList,
    errors: ["invalid_cursor"],
    run: listMembers,
  }),
  get: read({
    route: "GET /v1/team_members/{team_member_id}",
    name: "getTeamMember",
    summary: "Get a team member",
    description: "One member of the team.",
    input: MemberRef,
    output: TeamMember,
    run: findMember,
  }),
  invite: adminWrite({
    route: "POST /v1/team_members",
    name: "inviteTeamMember",
    summary: "Invite a team member",
    description:
      "Makes a member who is `invited`, and an invitation that is good for 7 days. Its link is in this answer and nowhere else: give it to them. Inviting somebody again who has not joined, or who was removed, is the same member with a new invitation; the earlier one ends.",
    input: InviteMember,
    output: InvitedMember,
    status: 201,
    location: "/v1/team_members/{id}",
    run: inviteMember,
  }),
  update: adminWrite({
    route: "PATCH /v1/team_members/{team_member_id}",
    name: "updateTeamMember",
    summary: "Update a team member",
    description: "Changes the name or the role. The last active owner stays one: 409 `last_owner`.",
    input: UpdateMember,
    output: TeamMember,
    errors: ["last_owner"],
    current: { read: lockMember, output: TeamMember },
    run: updateMember,
  }),
  remove: adminWrite({
    route: "DELETE /v1/team_members/{team_member_id}",
    name: "deleteTeamMember",
    summary: "Remove a team member",
    description:
      "Takes somebody out of the team. They are not erased: what they did keeps their name. What is open and assigned to them is released: conversations, and tickets that are not closed. The last active owner cannot be removed: 409 `last_owner`.",
    input: MemberRef,
    output: DeletedMember,
    errors: ["last_owner"],
    current: { read: lockMember, output: TeamMember },
    run: removeMember,
  }),
});
