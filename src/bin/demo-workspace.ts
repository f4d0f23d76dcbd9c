import { systemCtx, type Services } from "../core/context.ts";
import { createNewId, type Id } from "../core/ids.ts";
import { after, hours, seconds } from "../core/time.ts";
import { dispatchDeliveries } from "../dispatch/dispatch-deliveries.ts";
import { dispatchMessages } from "../messages/dispatch-messages.ts";
import { syncDueTemplates } from "../templates/sync-templates.ts";
import { workspaces } from "../workspaces/tables.ts";
import { addEndpoints, createReceivers, retireEndpoints } from "./demo-endpoints.ts";
import { inOrder } from "./demo-scenes.ts";
import { gatherTeam, letIn, openChannels, type Stage } from "./demo-stage.ts";
import { newWorkspace } from "./new-workspace.ts";

export type Demo = Awaited<ReturnType<typeof newWorkspace>> & {
  widget_channel_id: Id<"chan">;
  owner: { email: string; password: string };
};

/**
 * On an empty database: a workspace to try things in. Its story of three days is told through the same doors as a real one, with
 * a clock that stands in the past and receivers that answer from a list; all of it in one transaction, so that a process that dies
 * meanwhile leaves nothing, and the next one makes it.
 */
export async function makeDemo(services: Services): Promise<Demo | undefined> {
  const [any] = await services.db.select({ id: workspaces.id }).from(workspaces).limit(1);
  return any ? undefined : services.db.transaction((db) => tellStory({ ...services, db }));
}

async function tellStory(services: Services): Promise<Demo> {
  const began_at = services.now();
  let at = after(began_at, -hours(73));
  const now = () => at;
  const past: Services = { ...services, now, newId: createNewId(now), wake: () => {}, poster: createReceivers() };

  const demo = await newWorkspace(past, { name: "Demo", scopes: ["read", "write", "admin"] });
  const ctx = systemCtx(past, demo.workspace_id, { type: "system", id: null, name: "Demo" });
  const stage: Stage = { ctx, channel_ids: await openChannels(ctx), team: await gatherTeam(ctx) };
  const owner = await letIn(ctx, "Lina", stage);
  await addEndpoints(ctx);
  await syncDueTemplates(past, { budget_ms: 0 });
  for (const { when, happen } of inOrder(began_at, stage)) {
    at = when;
    await happen();
    await dispatchMessages(past, { budget_ms: 0 });
    const { retried } = await dispatchDeliveries(past, { budget_ms: 0 });
    if (retried === 0) continue;
    at = after(at, seconds(20));
    await dispatchDeliveries(past, { budget_ms: 0 });
  }
  await retireEndpoints(ctx);
  return { ...demo, widget_channel_id: stage.channel_ids.web_widget, owner };
}
