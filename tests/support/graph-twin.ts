import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

type Answer = (response: ServerResponse, asked: Asked) => unknown;

export const answering =
  (status: number, body: unknown, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

export const accepting = (external_id: string) => answering(200, { messaging_product: "whatsapp", messages: [{ id: external_id }] });

/** The same, as Instagram and Messenger say it. */
export const taking = (external_id: string) => answering(200, { recipient_id: "person", message_id: external_id });

/** The request was read, and the connection breaks before its answer. */
export const breaking = (response: ServerResponse) => response.destroy();

export const refusing = (status: number, code: number) => answering(status, { error: { message: "No.", code, fbtrace_id: "Atrace" } });

/** Meta's Graph API on this machine, for one account: it keeps what it was asked, and answers as the test says. */
export async function createGraphTwin(account_id: string = freshAccount()) {
  const twin = { account_id, url: "", asked: [] as Asked[], answer: undefined as Answer | undefined };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString("utf8") || "{}") as Record<string, unknown>;
      const asked = { method: request.method ?? "", path: request.url ?? "", headers: request.headers, body };
      // The dispatcher serves every workspace: what earlier tests left in the queue is not for this twin.
      if (!new RegExp(`/${account_id}[/?]`).test(asked.path)) return void refusing(404, 100)(response);
      twin.asked.push(asked);
      return void (twin.answer ?? accepting(`wamid.sent.${account_id}.${twin.asked.length}`))(response, asked);
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  twin.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return twin;
}

let accounts = 0;
/** A phone_number_id that no other test has. */
export const freshAccount = (): string => `9${process.pid}${String(accounts++).padStart(6, "0")}`;
