import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { createChannel } from "../../src/channels/create-channel.ts";
import { systemCtx, type Services } from "../../src/core/context.ts";
import { seconds } from "../../src/core/time.ts";
import { atomically } from "../../src/db/atomically.ts";
import { newWorkspace } from "../../src/bin/new-workspace.ts";

/** Where the story is told: a running server, and a clock that can be moved. */
export interface Stage {
  url: string;
  services: Services;
  cron_secret: string;
  advance: (ms: number) => void;
  say: (line: string) => void;
}

interface Delivery {
  id: string;
  status: string;
  attempts: number;
}
interface Attempt {
  number: number;
  status_code: number | null;
}

/**
 * The main job, once through: a customer's WhatsApp message comes in; a third party's server, which fails
 * twice, is told of it until it listens; and the stock library verifies what it got.
 */
export async function tellStory({ url, services, cron_secret, advance, say }: Stage, payload: string) {
  const { workspace_id, api_key, webhook_secret } = await newWorkspace(services, { name: "Story", scopes: ["read", "write", "admin"] });
  const ask = async <T>(path: string, body?: object): Promise<T> => {
    const response = await fetch(url + path, {
      method: body ? "POST" : "GET",
      headers: { Authorization: `Bearer ${api_key}`, "Content-Type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as T;
  };

  const app_secret = "the secret of a Meta app";
  const account_id = /"phone_number_id":\s*"([^"]+)"/.exec(payload)![1]!;
  const { id: channel_id } = await atomically(systemCtx(services, workspace_id), (tx) =>
    createChannel(tx, {
      channel: "whatsapp",
      provider: "whatsapp",
      name: "WhatsApp",
      account_id,
      credentials: { app_secret, verify_token: "-", access_token: "-" },
    }),
  );

  const receiver = await startReceiver([500, 503, 204]);
  try {
    await ask("/v1/webhook_endpoints", { url: receiver.url, event_types: ["new_message"] });
    say(`A third party listens at ${receiver.url}. It will fail twice.`);

    const signature = `sha256=${createHmac("sha256", app_secret).update(payload).digest("hex")}`;
    const told = await fetch(`${url}/hooks/meta/${channel_id}`, {
      method: "POST",
      body: payload,
      headers: { "X-Hub-Signature-256": signature },
    });
    say(`Meta posts a signed callback: ${told.status}.`);

    const { data: conversations } = await ask<{ data: { id: string; last_message_preview: string }[] }>("/v1/conversations");
    say(`GET /v1/conversations: ${conversations.length} conversation, "${conversations[0]!.last_message_preview}".`);

    for (const wait_ms of [0, seconds(6), seconds(34)]) {
      advance(wait_ms);
      const run = await fetch(`${url}/cron/webhooks`, { method: "POST", headers: { Authorization: `Bearer ${cron_secret}` } });
      say(`${wait_ms / 1000} s later, POST /cron/webhooks: ${await run.text()}`);
    }

    const webhook = new Webhook(webhook_secret);
    for (const { headers, body } of receiver.received) {
      webhook.verify(body, headers as Record<string, string>);
      say(
        `Attempt ${String(headers["wassla-attempt"])}: ${String(headers["webhook-id"])} at ${String(headers["webhook-timestamp"])}, verified.`,
      );
    }

    const { data: deliveries } = await ask<{ data: Delivery[] }>("/v1/webhook_deliveries");
    const { data: attempts } = await ask<{ data: Attempt[] }>(`/v1/webhook_deliveries/${deliveries[0]!.id}/attempts`);
    say(`The log: ${deliveries[0]!.status} after ${attempts.map(({ status_code }) => status_code).join(", ")}.`);
    return { conversations, deliveries, attempts, received: receiver.received };
  } finally {
    receiver.close();
  }
}

async function startReceiver(replies: number[]) {
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.writeHead(replies[received.length] ?? 204).end();
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString("utf8") });
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    received,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
