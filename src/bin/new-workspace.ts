import { createApiKey } from "../api-keys/create-api-key.ts";
import { systemCtx, type Scope, type Services } from "../core/context.ts";
import { atomically } from "../db/atomically.ts";
import { createSecret } from "../webhooks/secrets.ts";
import { createWorkspace } from "../workspaces/create-workspace.ts";

/** A workspace with its first key and its webhook secret: the only time that either is shown. */
export async function newWorkspace(services: Services, { name, scopes }: { name: string; scopes: Scope[] }) {
  const ctx = systemCtx(services, services.newId("ws"));
  return atomically(ctx, async (tx) => {
    await createWorkspace(tx, { name });
    const { token } = await createApiKey(tx, { name: "First key", scopes });
    return { workspace_id: tx.workspace_id, api_key: token, webhook_secret: await createSecret(tx) };
  });
}
