import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

/** One request that came whole. */
export interface Arrival {
  id: string;
  body: string;
  at_ms: number;
  /** What the stock library said of it when it came. */
  is_verified: boolean;
}

type Manner = "accept" | "hang" | "reset";

/** A third party's server that remembers everything. `manner` is asked at each request. */
export async function createReceiver(
  secret: string,
  { manner = () => "accept", takes_ms = 0 }: { manner?: () => Manner; takes_ms?: number } = {},
) {
  const arrivals: Arrival[] = [];
  const accepted = new Set<string>();
  const webhook = new Webhook(secret);

  async function receive(request: IncomingMessage, response: ServerResponse) {
    const what = manner();
    // Half of what is reset is reset before it was read.
    if (what === "reset" && Math.random() < 0.5) return request.socket.resetAndDestroy();
    const body = await text(request);
    const id = String(request.headers["webhook-id"]);
    arrivals.push({
      id,
      body,
      at_ms: Date.now(),
      is_verified: request.headers["delivery_id"] === id && verifies(webhook, body, request.headers),
    });
    if (what === "reset") return request.socket.resetAndDestroy();
    if (what === "hang") return undefined;
    accepted.add(id);
    return setTimeout(() => response.writeHead(204).end(), takes_ms);
  }

  // The port may have been another's before, whose deliveries still come.
  const path = `/hook/${randomUUID()}`;
  const server = createServer((request, response) => {
    if (request.url !== path) return void response.writeHead(410).end();
    // A sender that was killed breaks off in the middle of its request.
    receive(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    arrivals,
    accepted,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export type Receiver = Awaited<ReturnType<typeof createReceiver>>;

function verifies(webhook: Webhook, body: string, headers: IncomingMessage["headers"]): boolean {
  try {
    webhook.verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}
