import { z } from "zod";
import { read, router } from "../trpc/procedure.ts";
import { breakDownUsage } from "./break-down-usage.ts";
import { Billing, BreakDownUsage, GetUsage, LedgerEntryList, ListLedger, Usage, UsageBreakdown } from "./contract.ts";
import { describeBilling } from "./describe-billing.ts";
import { describeUsage } from "./describe-usage.ts";
import { listLedger } from "./list-ledger.ts";

export const usageRouter = router({
  get: read({
    route: "GET /v1/usage",
    name: "getUsage",
    summary: "Get the usage of a period",
    description:
      "How much of each metric was used and what it cost: the sum of the ledger, to three decimals. `api_requests` and `webhook_deliveries` are free, and are updated about once a minute.",
    input: GetUsage,
    output: Usage,
    run: describeUsage,
  }),
  breakdown: read({
    route: "GET /v1/usage/breakdown",
    name: "getUsageBreakdown",
    summary: "Break down the usage of a period",
    description: "The usage of a period, grouped by day, channel, metric or API key. The groups add up to the usage of the whole period.",
    input: BreakDownUsage,
    output: UsageBreakdown,
    run: breakDownUsage,
  }),
});

export const billingRouter = router({
  get: read({
    route: "GET /v1/billing",
    name: "getBilling",
    summary: "Get this month's credits",
    description:
      "The plan, the credits it includes, and how many are spent and remain. When none remain, work of the AI is refused (`insufficient_credits`); messages are still received and sent.",
    input: z.strictObject({}),
    output: Billing,
    run: describeBilling,
  }),
  ledger: read({
    route: "GET /v1/billing/ledger",
    name: "listLedgerEntries",
    summary: "List ledger entries",
    description:
      "Everything that was charged, the newest first. Each entry is written in the same transaction as what it is for, so the entries of a period add up exactly to its usage.",
    input: ListLedger,
    output: LedgerEntryList,
    errors: ["invalid_cursor"],
    run: listLedger,
  }),
});
