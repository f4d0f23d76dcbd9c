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
    description:
      "The people of the team, the newest first. Removed members are included, with the status `removed`, because the history needs their names.",
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
      "Creates a member with the status `invited`, and an invitation that is valid for 7 days. Its link is only in this answer: give it to the person. Inviting somebody again who has not joined yet, or who was removed, gives the same member a new invitation; the earlier invitation ends.",
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
    description: "Changes the name or the role. The last active owner must stay an owner: another role is refused with 409 `last_owner`.",
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
      "Removes a person from the team. The member is not erased: what they did keeps their name. Their open conversations, and their tickets that are not closed, become unassigned. The last active owner cannot be removed: 409 `last_owner`.",
    input: MemberRef,
    output: DeletedMember,
    errors: ["last_owner"],
    current: { read: lockMember, output: TeamMember },
    run: removeMember,
  }),
});
