import { createHmac } from "node:crypto";
import { Agent } from "undici";

export interface Work {
  id: string;
  url: string;
  body: string;
}

const key = Buffer.from(process.env.BENCH_SECRET!.slice("whsec_".length), "base64");
const agent = new Agent({ connections: 64, pipelining: 1 });

/** The same signed request that the dispatcher makes. */
export async function post({ id, url, body }: Work): Promise<void> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  const { origin, pathname } = new URL(url);
  const response = await agent.request({
    origin,
    path: pathname,
    method: "POST",
    headers: {
      "content-type": "application/json",
      "user-agent": "Wassla-Webhooks/1",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${signature}`,
      "wassla-event": "new_message",
      "wassla-attempt": "1",
      delivery_id: id,
    },
    body,
    signal: AbortSignal.timeout(10_000),
  });
  await response.body.text();
  if (response.statusCode !== 200) throw new Error(`the receiver answered ${response.statusCode}`);
}
