import type { Ctx, Services } from "../core/context.ts";

/** An endpoint's own headers are sealed at rest: they may hold its receiver's credentials. */
export const sealHeaders = ({ vault, workspace_id }: Pick<Ctx, "vault" | "workspace_id">, headers: Record<string, string>): string =>
  vault.seal("webhook_headers", headersPlace(workspace_id), JSON.stringify(headers));

/** Null on disk is none. */
export const openHeaders = (vault: Services["vault"], workspace_id: string, sealed: string | null): Record<string, string> =>
  sealed === null ? {} : (JSON.parse(vault.open("webhook_headers", headersPlace(workspace_id), sealed)) as Record<string, string>);

const headersPlace = (workspace_id: string) => ({ workspace_id, column: "webhook_endpoints.sealed_headers" });
