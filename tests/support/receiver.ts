import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";

export interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

type Reply = number | ((response: ServerResponse, received: Received) => unknown);

/**
 * A third party's server on this machine. Each request takes the next reply; the last one stays. Its port may have been
 * another's before, of this or of any process, whose deliveries still come: its path is its own.
 */
export async function createReceiver(...replies: Reply[]) {
  const path = `/hook/${randomUUID()}`;
  const received: Received[] = [];
  const server = createServer((request, response) => {
    if (request.url !== path) return void response.writeHead(410).end();
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const what = { headers: request.headers, body: Buffer.concat(chunks).toString("utf8") };
      const reply = replies[Math.min(received.length, replies.length - 1)] ?? 204;
      received.push(what);
      if (typeof reply === "function") reply(response, what);
      else response.writeHead(reply).end();
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${path}`, received, replies };
}
