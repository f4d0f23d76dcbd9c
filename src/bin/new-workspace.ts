import { createApiKey } from "../api-keys/create-api-key.ts";
import { systemCtx, type Scope, type Services } from "../core/context.ts";
import { atomically } from "../db/atomically.ts";
import { inviteMember } from "../team/invite-member.ts";
import { createSecret } from "../webhooks/secrets.ts";
import { createWorkspace } from "../workspaces/create-workspace.ts";

interface NewWorkspace {
  name: string;
  scopes: Scope[];
  owner_email?: string | undefined;
}

/** A workspace with its first key, its webhook secret and its owner's invitation: the only time that any of them is shown. */
export async function newWorkspace(services: Services, { name, scopes, owner_email }: NewWorkspace) {
  const ctx = systemCtx(services, services.newId("ws"));
  return atomically(ctx, async (tx) => {
    await createWorkspace(tx, { name });
    const { token } = await createApiKey(tx, { name: "First key", scopes });
    const owner = owner_email === undefined ? undefined : await inviteMember(tx, { email: owner_email, role: "owner" });
    return {
      workspace_id: tx.workspace_id,
      api_key: token,
      webhook_secret: await createSecret(tx),
      ...(owner && { owner_invitation_token: owner.invitation.token, owner_invitation_url: owner.invitation.url }),
    };
  });
}
