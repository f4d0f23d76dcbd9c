import type { Ctx } from "../core/context.ts";
import type { Credentials, GivenCredentials } from "./providers/provider.ts";

const placeOf = ({ workspace_id }: Pick<Ctx, "workspace_id">) => ({ workspace_id, column: "channels.credentials" });

export const sealCredentials = (ctx: Pick<Ctx, "workspace_id" | "vault">, credentials: GivenCredentials): string =>
  ctx.vault.seal("channel_credentials", placeOf(ctx), JSON.stringify(credentials));

export const openCredentials = (ctx: Pick<Ctx, "workspace_id" | "vault">, sealed: string): Credentials =>
  JSON.parse(ctx.vault.open("channel_credentials", placeOf(ctx), sealed)) as Credentials;
