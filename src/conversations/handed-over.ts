import type { Ctx } from "../core/context.ts";
import type { HandlerMode } from "./contract.ts";
import type { ConversationRow } from "./present.ts";

/** What a change of the handler leaves in the row: when the AI gave up, which is what analytics count. */
export const handedOver = (ctx: Ctx, { handler_mode: from }: ConversationRow, to: HandlerMode | undefined) =>
  from === "ai" && to === "human" ? { handed_over_at: ctx.now() } : {};
