import { createChannel } from "../channels/create-channel.ts";
import { channels } from "../channels/tables.ts";
import type { Config } from "../config.ts";
import { closeConversation } from "../conversations/close-conversation.ts";
import { listConversations } from "../conversations/list-conversations.ts";
import { receiveEvent } from "../conversations/receive-event.ts";
import { sendMessage } from "../conversations/send-message.ts";
import { systemCtx, type Services } from "../core/context.ts";
import { after, minutes } from "../core/time.ts";
import { atomically } from "../db/atomically.ts";
import { findMine } from "../db/mine.ts";
import { workspaces } from "../workspaces/tables.ts";
import { newWorkspace } from "./new-workspace.ts";

type Demo = Awaited<ReturnType<typeof newWorkspace>>;

/** Written by customers who could be anybody's: phone, name, and what they said, the oldest first. */
const letters = [
  { phone: "15550101001", name: "Sara Haddad", text: "مرحبا، متى يصل طلبي رقم A-1007؟" },
  { phone: "33612345678", name: "Camille Durand", text: "Bonjour, puis-je changer l'adresse de livraison ?" },
  { phone: "15550101003", name: "Tom Becker", text: "Hi! My parcel arrived damaged. What can I do?" },
];

/** On an empty database: a workspace to try things in, told through the same doors as the real ones. */
export async function seedDemo(services: Services): Promise<Demo | undefined> {
  const [any] = await services.db.select({ id: workspaces.id }).from(workspaces).limit(1);
  if (any) return undefined;

  const demo = await newWorkspace(services, { name: "Demo", scopes: ["read", "write", "admin"] });
  const ctx = systemCtx(services, demo.workspace_id, { type: "system", id: null, name: "Demo" });
  const { id } = await atomically(ctx, (tx) =>
    createChannel(tx, {
      channel: "whatsapp",
      provider: "sandbox",
      name: "WhatsApp (sandbox)",
      account_id: "sandbox",
      credentials: { token: services.newId("chan") },
    }),
  );
  const channel = await findMine(ctx, channels, id);
  for (const [index, { phone, name, text }] of letters.entries()) {
    await receiveEvent(ctx, channel, {
      kind: "message",
      dedupe_key: `demo-${index}`,
      external_id: `demo-${index}`,
      account_id: "sandbox",
      occurred_at: after(ctx.now(), -minutes(30 - 10 * index)),
      from: [{ kind: "phone", value: phone }],
      name,
      content: { type: "text", text },
      raw: { demo: true },
    });
  }
  const { data } = await listConversations(ctx, { limit: 3 });
  await atomically(ctx, (tx) =>
    sendMessage(tx, { conversation_id: data[0]!.id, content: { type: "text", text: "So sorry, Tom! A new one leaves today." } }),
  );
  await atomically(ctx, (tx) => closeConversation(tx, { conversation_id: data[0]!.id }));
  return demo;
}

/** Where everything is; and, this once, the credentials. */
export function printWelcome({ public_url, database }: Config, demo: Demo | undefined): void {
  console.log(`
Wassla is ready at ${public_url}

  REST       ${public_url}/v1
  Reference  ${public_url}/docs
  OpenAPI    ${public_url}/openapi.json
  Health     ${public_url}/readyz${database.kind === "embedded" ? `\n  Data       ${database.data_dir}` : ""}`);
  if (!demo) return;
  console.log(`
A demo workspace has been made. Its credentials are shown this once:

  API key         ${demo.api_key}
  Webhook secret  ${demo.webhook_secret}

Try it:

  curl ${public_url}/v1/conversations -H "Authorization: Bearer ${demo.api_key}"
`);
}
