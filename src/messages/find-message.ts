import type { Ctx } from "../core/context.ts";
import { findMine } from "../db/mine.ts";
import type { MessageRef } from "./contract.ts";
import { presentMessage } from "./present.ts";
import { messages } from "./tables.ts";

/** One message. */
export const findMessage = async (ctx: Ctx, { message_id }: MessageRef) => presentMessage(await findMine(ctx, messages, message_id));
