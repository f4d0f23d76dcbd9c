import type { Services } from "../core/context.ts";
import { secretPlace } from "../webhooks/secrets.ts";
import { webhook_secrets } from "../webhooks/tables.ts";

/** Every workspace keeps a secret that was sealed. With a key that opens none, every message would be refused, one by one and much later. */
export async function assertMasterKey({ db, vault }: Pick<Services, "db" | "vault">): Promise<void> {
  /* across tenants: any one of them will do */
  const [kept] = await db
    .select({ workspace_id: webhook_secrets.workspace_id, sealed: webhook_secrets.sealed })
    .from(webhook_secrets)
    .limit(1);
  if (!kept) return;
  try {
    vault.open("webhook_secrets", secretPlace(kept.workspace_id), kept.sealed);
  } catch (cause) {
    throw new Error(
      "MASTER_KEY is not the one that this database's secrets are sealed under. To rotate it, keep the old one behind the new: new,old.",
      {
        cause,
      },
    );
  }
}
