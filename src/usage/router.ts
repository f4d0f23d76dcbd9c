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
      "How much of everything there was and what it cost: the sum of the ledger, to the thousandth of a credit. `api_requests` and `webhook_deliveries` are free, and written down about once a minute.",
    input: GetUsage,
    output: Usage,
    run: describeUsage,
  }),
  breakdown: read({
    route: "GET /v1/usage/breakdown",
    name: "getUsageBreakdown",
    summary: "Break down the usage of a period",
    description: "The same, divided by day, channel, metric or API key. The groups add up to the whole.",
    input: BreakDownUsage,
    output: UsageBreakdown,
    run: breakDownUsage,
  }),
});

export const billingRouter = router({
  get: read({
    route: "GET /v1/billing",
    name: "getBilling",
    summary: "Get how this month's credits stand",
    description:
      "The plan, what it includes, what is spent and what remains. When nothing remains the AI rests (`insufficient_credits`); messages are received and sent all the same.",
    input: z.strictObject({}),
    output: Billing,
    run: describeBilling,
  }),
  ledger: read({
    route: "GET /v1/billing/ledger",
    name: "listLedgerEntries",
    summary: "List what was charged",
    description: "Each entry was written together with what it is for. A period's entries add up to its usage, to the last thousandth.",
    input: ListLedger,
    output: LedgerEntryList,
    errors: ["invalid_cursor"],
    run: listLedger,
  }),
});
