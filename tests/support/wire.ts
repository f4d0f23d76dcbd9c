import { connect } from "node:net";
import { onTestFinished } from "vitest";
import { openServer, type patience } from "../../src/http/open-server.ts";
import { noteRefusals } from "./refusals.ts";
import type { World } from "./world.ts";

/** The service on a real port, opened as `npm start` opens it; only its patience may be shorter. */
export async function listen({ app, services }: Pick<World, "app" | "services">, shorter?: typeof patience) {
  const server = await openServer(app, services, { port: 0, host: "127.0.0.1", ...(shorter && { patience: shorter }) });
  onTestFinished(() => server.close(0));
  return { ...server, url: `http://127.0.0.1:${server.port}` };
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
  /** Those to HEAD have the length of a body, and none. */
  are_bodiless?: boolean;
  timeout_ms?: number;
}

/** Writes bytes to a socket, as they are, and reads the answers. A silence longer than the patience fails. */
export async function exchange(
  port: number,
  bytes: string | (string | Buffer)[],
  { then_end = false, answers = 1, are_bodiless = false, timeout_ms = 8_000 }: Exchange = {},
) {
  const socket = connect({ port, host: "127.0.0.1" });
  const chunks: Buffer[] = [];
  const got = new Promise<WireAnswer[]>((resolve, reject) => {
    const patience = setTimeout(() => reject(new Error(`no answer within ${timeout_ms} ms`)), timeout_ms);
    const settle = () => {
      clearTimeout(patience);
      resolve(answersIn(Buffer.concat(chunks), are_bodiless));
    };
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (parse(Buffer.concat(chunks), are_bodiless).length >= answers) settle();
    });
    socket.on("error", settle);
    socket.on("close", settle);
  });
  for (const part of typeof bytes === "string" ? [bytes] : bytes) socket.write(part);
  if (then_end) socket.end();
  return got.finally(() => socket.destroy());
}

/** What a socket was answered. What never reaches the application is refused here alone, so it is noted here. */
export function answersIn(stream: Buffer, are_bodiless = false): WireAnswer[] {
  const answers = parse(stream, are_bodiless);
  for (const { headers, body } of answers) noteRefusals(headers.get("content-type"), body);
  return answers;
}

/** The complete answers in a stream of bytes. */
function parse(stream: Buffer, are_bodiless: boolean): WireAnswer[] {
  const answers: WireAnswer[] = [];
  let rest = stream;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) return answers;
    const [status_line = "", ...lines] = rest.subarray(0, end).toString("latin1").split("\r\n");
    const headers = new Headers(
      lines.map((line): [string, string] => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
    );
    const body = are_bodiless ? { text: "", length: 0 } : bodyOf(rest.subarray(end + 4), headers);
    if (!body) return answers;
    answers.push({ status: Number(status_line.split(" ")[1]), headers, body: body.text });
    rest = rest.subarray(end + 4 + body.length);
  }
}

function bodyOf(rest: Buffer, headers: Headers): { text: string; length: number } | undefined {
  if (headers.get("transfer-encoding") === "chunked") return chunksOf(rest);
  const length = Number(headers.get("content-length") ?? 0);
  return rest.length < length ? undefined : { text: rest.subarray(0, length).toString("utf8"), length };
}

function chunksOf(rest: Buffer): { text: string; length: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const line = rest.indexOf("\r\n", at);
    const size = Number.parseInt(rest.subarray(at, line).toString("latin1"), 16);
    if (line < 0 || rest.length < line + 2 + size + 2) return undefined;
    chunks.push(rest.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
    if (size === 0) return { text: Buffer.concat(chunks).toString("utf8"), length: at };
  }
}
