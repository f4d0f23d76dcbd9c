import { z } from "zod";
import type { Ctx } from "../core/context.ts";
import { invalid } from "../core/errors.ts";
import { faultsOf } from "../core/faults.ts";
import { capabilities } from "./capabilities.ts";
import type { ChannelKind, ProviderName } from "./contract.ts";
import { providers } from "./providers/all.ts";
import type { Credentials, GivenCredentials } from "./providers/provider.ts";

interface Account {
  account_id: string;
  credentials: Record<string, string | string[] | undefined>;
}

/** An account and its credentials as its provider needs them. Refuses what is missing, unknown or of another form, naming it. */
export function judgeAccount(provider: ProviderName, given: Account): { account_id: string; credentials: GivenCredentials } {
  const { account, credentials } = providers[provider];
  const judged = z.object({ account_id: account, credentials }).safeParse(given);
  if (!judged.success) throw invalid(...faultsOf(judged.error, given));
  return { account_id: judged.data.account_id, credentials: present(judged.data.credentials) };
}

const present = (fields: Record<string, string | string[] | undefined>): GivenCredentials =>
  Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string | string[]] => entry[1] !== undefined));

const placeOf = ({ workspace_id }: Pick<Ctx, "workspace_id">) => ({ workspace_id, column: "channels.credentials" });

interface Carried {
  channel: ChannelKind;
  provider: ProviderName;
}

/** The columns that credentials fill. */
export const sealCredentials = (
  ctx: Pick<Ctx, "workspace_id" | "vault">,
  { channel, provider }: Carried,
  credentials: GivenCredentials,
) => ({
  template_account: capabilities[channel].templates ? (providers[provider].templates?.accountOf(credentials as Credentials) ?? null) : null,
  credentials: ctx.vault.seal("channel_credentials", placeOf(ctx), JSON.stringify(credentials)),
  credential_fields: Object.keys(credentials).toSorted(),
});

export const openCredentials = (ctx: Pick<Ctx, "workspace_id" | "vault">, sealed: string): Credentials =>
  JSON.parse(ctx.vault.open("channel_credentials", placeOf(ctx), sealed)) as Credentials;
