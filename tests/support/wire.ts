import type { Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { once } from "node:events";
import { serve } from "@hono/node-server";
import { onTestFinished } from "vitest";
import type { World } from "./world.ts";

/** The service on a real port, as `npm start` would open it. */
export async function listen({ app }: Pick<World, "app">) {
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, server };
}

export interface WireAnswer {
  status: number;
  headers: Headers;
  body: string;
}

interface Exchange {
  /** Ends its own side when everything is written, as a client that breaks off does. */
  then_end?: boolean;
  /** How many answers to wait for; the connection may stay open behind them. */
  answers?: number;
  timeout_ms?: number;
}

/** Writes bytes to a socket, as they are, and reads the answers. A silence longer than the patience fails. */
export async function exchange(
  port: number,
  bytes: string | (string | Buffer)[],
  { then_end = false, answers = 1, timeout_ms = 8_000 }: Exchange = {},
) {
  const socket = connect({ port, host: "127.0.0.1" });
  const chunks: Buffer[] = [];
  const got = new Promise<WireAnswer[]>((resolve, reject) => {
    const patience = setTimeout(() => reject(new Error(`no answer within ${timeout_ms} ms`)), timeout_ms);
    const settle = () => {
      clearTimeout(patience);
      resolve(parse(Buffer.concat(chunks)));
    };
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (parse(Buffer.concat(chunks)).length >= answers) settle();
    });
    socket.on("error", settle);
    socket.on("close", settle);
  });
  for (const part of typeof bytes === "string" ? [bytes] : bytes) socket.write(part);
  if (then_end) socket.end();
  return got.finally(() => socket.destroy());
}

/** The complete answers in a stream of bytes. */
function parse(stream: Buffer): WireAnswer[] {
  const answers: WireAnswer[] = [];
  let rest = stream;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) return answers;
    const [status_line = "", ...lines] = rest.subarray(0, end).toString("latin1").split("\r\n");
    const headers = new Headers(
      lines.map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const body = bodyOf(rest.subarray(end + 4), headers);
    if (!body) return answers;
    answers.push({ status: Number(status_line.split(" ")[1]), headers, body: body.text });
    rest = rest.subarray(end + 4 + body.length);
  }
}

function bodyOf(rest: Buffer, headers: Headers): { text: string; length: number } | undefined {
  if (headers.get("transfer-encoding") === "chunked") {
    const end = rest.indexOf("0\r\n\r\n");
    return end < 0 ? undefined : { text: rest.subarray(0, end).toString("utf8"), length: end + 5 };
  }
  const length = Number(headers.get("content-length") ?? 0);
  return rest.length < length ? undefined : { text: rest.subarray(0, length).toString("utf8"), length };
}
