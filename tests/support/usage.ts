import type { Billing, LedgerEntry, Usage, UsageBreakdown } from "../../src/usage/contract.ts";
import { ledger_entries } from "../../src/usage/tables.ts";
import { rowsOf } from "./rows.ts";
import type { Tenant } from "./world.ts";

export const getUsage = async (tenant: Tenant, query = "") => (await tenant.get<Usage>(`/v1/usage${query}`)).body;
export const getBilling = async (tenant: Tenant) => (await tenant.get<Billing>("/v1/billing")).body;
export const breakdownBy = async (tenant: Tenant, group_by: UsageBreakdown["group_by"], query = "") =>
  (await tenant.get<UsageBreakdown>(`/v1/usage/breakdown?group_by=${group_by}${query}`)).body;

/** What was counted of one metric. */
export async function countOf(tenant: Tenant, metric: string): Promise<{ quantity: number; credits: number }> {
  const { quantity, credits } = (await getUsage(tenant)).metrics.find((one) => one.metric === metric)!;
  return { quantity, credits };
}

/** The ledger as it stands, without what differs from run to run. */
export async function ledgerOf(tenant: Tenant) {
  const rows = await rowsOf(tenant, ledger_entries);
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(({ metric, quantity, credits }) => ({ metric, quantity, credits }));
}

/** Every page of it. */
export async function listLedger(tenant: Tenant, query = ""): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const after: string = cursor === "" ? "" : `&cursor=${cursor}`;
    const { body } = await tenant.get<{ data: LedgerEntry[]; next_cursor: string | null }>(`/v1/billing/ledger?limit=100${query}${after}`);
    entries.push(...body.data);
    cursor = body.next_cursor;
  }
  return entries;
}

/** In thousandths, so that a sum of many is exact here too. */
export const thousandths = (entries: { credits: number }[]): number =>
  entries.reduce((sum, { credits }) => sum + Math.round(credits * 1000), 0);
