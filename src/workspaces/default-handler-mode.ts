import { sql, type SQL } from "drizzle-orm";
import type { HandlerMode } from "../conversations/contract.ts";
import type { Ctx } from "../core/context.ts";
import { workspaces } from "./tables.ts";

/** Who answers in a new conversation, read by the statement that makes it. */
export const defaultHandlerMode = (ctx: Pick<Ctx, "workspace_id">): SQL<HandlerMode> =>
  sql`(select ${workspaces.default_handler_mode} from ${workspaces} where ${workspaces.id} = ${sql.param(ctx.workspace_id, workspaces.id)})`;
