import { createHmac, randomUUID } from "node:crypto";
import { createChannel } from "../../src/channels/create-channel.ts";
import { WebWidgetCredentials } from "../../src/channels/providers/web-widget.ts";
import type { Id } from "../../src/core/ids.ts";
import { atomically } from "../../src/db/atomically.ts";
import type { Session, VisitorMessage, VisitorMessageList } from "../../src/widget/contract.ts";
import { neverTell } from "./leaks.ts";
import type { Answer, Tenant, World } from "./world.ts";

export const shop = "https://shop.example";
export const identity_secret = "the secret of a website, of 32 characters";

/** What the website's own server makes for a user who is signed in there. */
export const userOf = (id: string, about: { name?: string; email?: string } = {}, secret = identity_secret) => ({
  id,
  hash: createHmac("sha256", secret).update(id).digest("hex"),
  ...about,
});

/** A web widget of a tenant's, and the pages that show it. */
export async function createWidget(world: World, tenant: Tenant, { origins = [shop] }: { origins?: string[] } = {}) {
  neverTell(identity_secret);
  const credentials = WebWidgetCredentials.parse({ allowed_origins: origins, identity_secret });
  const { id: channel_id } = await atomically(tenant.ctx, (tx) =>
    createChannel(tx, { channel: "web_widget", provider: "web_widget", name: "Website", account_id: randomUUID(), credentials }),
  );
  const start = <T = Session>(body: object = {}, headers: Record<string, string> = { Origin: shop }) =>
    world.request<T>("/widget/v1/sessions", { method: "POST", headers, body: { channel_id, ...body } });
  return {
    channel_id,
    start,
    /** A page with a session: what it asks, it asks with its token. */
    async visit(body: object = {}) {
      const session = await start(body);
      if (session.status !== 201) throw new Error(`the session was refused: ${JSON.stringify(session.body)}`);
      return pageOf(world, session.body);
    },
  };
}

export type Widget = Awaited<ReturnType<typeof createWidget>>;
export type Page = ReturnType<typeof pageOf>;

let references = 0;

function pageOf(world: World, session: Session) {
  const { token } = session;
  const ask = <T>(path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer<T>> =>
    world.request<T>(`/widget/v1/${path}`, {
      method: body ? "POST" : "GET",
      key: token,
      headers: { Origin: shop, ...headers },
      ...(body && { body }),
    });
  return {
    session,
    token,
    ask,
    says: (text: string, client_reference = `said-${references++}`) => ask<VisitorMessage>("messages", { text, client_reference }),
    history: (query = "") => ask<VisitorMessageList>(`messages${query}`),
    reads: (message_id: string) => ask("read", { message_id }),
  };
}

interface Listed {
  id: Id<"conv">;
  contact_id: Id<"cont">;
}

/** The newest conversation of a channel, as the team sees it. */
export async function conversationOn(tenant: Tenant, channel_id: string): Promise<Listed> {
  const { body } = await tenant.get<{ data: Listed[] }>(`/v1/conversations?channel_id=${channel_id}&limit=1`);
  return body.data[0]!;
}

/** The team, or whoever has its key, writes to a visitor. */
export async function answerTo(tenant: Tenant, conversation_id: string, text: string): Promise<Id<"msg">> {
  const { body } = await tenant.post<{ id: Id<"msg"> }>(`/v1/conversations/${conversation_id}/messages`, {
    content: { type: "text", text },
  });
  return body.id;
}
