import { and, eq, inArray, sql } from "drizzle-orm";
import { channels } from "../channels/tables.ts";
import type { Ctx } from "../core/context.ts";
import { invalid, noSuch } from "../core/errors.ts";
import type { Id } from "../core/ids.ts";
import type { Listing } from "../core/page.ts";
import { findMine, mine } from "../db/mine.ts";
import { readPage } from "../db/page.ts";
import { given } from "../db/query.ts";
import type { ListTemplates, TemplateRef } from "./contract.ts";
import { presentTemplate } from "./present.ts";
import { message_templates } from "./tables.ts";

/** The workspace's templates, those that were learnt of last first. */
export async function listTemplates(ctx: Ctx, input: ListTemplates) {
  const listing: Listing = { name: "templates", filters: input };
  const account_id = input.channel_id && (await accountOf(ctx, input.channel_id));
  const filters = and(
    given(input.status, (status) => inArray(message_templates.status, status)),
    given(input.category, (category) => inArray(message_templates.category, category)),
    given(input.name, (name) => eq(message_templates.name, name)),
    given(input.language, (language) => eq(message_templates.language, language)),
    given(account_id, (account) => (account === null ? sql`false` : eq(message_templates.account_id, account))),
  );
  return readPage(ctx, message_templates, listing, input, filters, presentTemplate);
}

async function accountOf(ctx: Ctx, channel_id: Id<"chan">): Promise<string | null> {
  const [channel] = await ctx.db
    .select({ template_account: channels.template_account })
    .from(channels)
    .where(and(mine(ctx, channels), eq(channels.id, channel_id)));
  if (!channel) throw invalid(noSuch("/channel_id"));
  return channel.template_account;
}

/** One template. */
export const findTemplate = async (ctx: Ctx, { template_id }: TemplateRef) =>
  presentTemplate(await findMine(ctx, message_templates, template_id));
