import { once } from "node:events";
import { createServer, STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener, RequestError, type HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import type { Services } from "../core/context.ts";
import { ApiError, asApiError, problemOf } from "../core/errors.ts";
import { epochMs, seconds } from "../core/time.ts";
import type { Front } from "./front-door.ts";

/** How long the server waits for the slow and the silent. */
export const patience = {
  /** From a connection's beginning, or a request's first byte, to the end of its headers. */
  head_ms: seconds(10),
  /** To the end of its body. */
  request_ms: seconds(30),
  /** Between two requests. Longer than the minute of load balancers, so that they are the ones who close. */
  idle_ms: seconds(65),
  /** For a client that takes nothing of its answer. One that has taken all of it and waits for more may wait. */
  stall_ms: seconds(30),
};

const head_limit_bytes = 16 * 1024;
const most_headers = 100;
/** Requests that a connection may have unanswered. Only the first of them is worked on: what is sent ahead (RFC 9112 §9.3.2) waits. */
const most_unanswered = 64;

interface Where {
  port: number;
  host: string;
  patience?: typeof patience;
}

/** Serves the application on a port. What is no request that it could read is refused in its own words. */
export async function openServer(app: Hono<Front>, services: Services, where: Where) {
  const { head_ms, request_ms, idle_ms, stall_ms } = where.patience ?? patience;
  /** Every connection, with the answers that it still waits for, in order. */
  const connections = new Map<Duplex, ServerResponse[]>();
  let closing = false;

  const answer = getRequestListener(
    (request, env) => {
      assertHead((env as HttpBindings).incoming);
      return app.fetch(request, env);
    },
    { hostname: where.host, errorHandler: (error) => respond(services, readFault(error)) },
  );
  const server = createServer({
    maxHeaderSize: head_limit_bytes,
    headersTimeout: head_ms,
    requestTimeout: request_ms,
    keepAliveTimeout: idle_ms,
    connectionsCheckingInterval: Math.min(seconds(1), head_ms),
    requireHostHeader: false,
  });
  // Node would drop what is more without a word: they are counted below.
  server.maxHeadersCount = 0;
  server.timeout = stall_ms;

  const begin = (outgoing: ServerResponse): void =>
    void answer(outgoing.req, outgoing).catch((error: unknown) => services.log.error({ err: error }, "an answer could not be written"));

  server.on("connection", (socket) => {
    connections.set(socket, []);
    socket.once("close", () => connections.delete(socket));
  });
  server.on("request", ({ socket }, outgoing) => {
    const unanswered = connections.get(socket);
    if (!unanswered || socket.destroyed) return;
    if (unanswered.push(outgoing) > most_unanswered) return void socket.destroy();
    if (closing) outgoing.setHeader("Connection", "close");
    outgoing.once("close", () => {
      unanswered.shift();
      if (unanswered[0] && !socket.destroyed) begin(unanswered[0]);
    });
    if (unanswered.length === 1) begin(outgoing);
  });
  // Nothing has moved on the connection: nothing is asked, something is not taken, or something is not there yet to be sent.
  server.on("timeout", (socket: Duplex) => {
    const waits = (connections.get(socket) ?? []).length > 0 && socket.writableLength === 0;
    if (!waits) socket.destroy();
  });
  server.on("connect", (_, socket) => refuse(services, socket, unreadable("This service is no proxy.")));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const begun = connections.get(socket)?.at(-1);
    const refuseIt = () => refuse(services, socket, parserFault(error.code));
    if (error.code === "ECONNRESET" || !begun || begun.writableFinished) return refuseIt();
    // What was asked before the fault is answered first; what is half answered cannot be answered otherwise.
    if (begun.req.complete) return void begun.once("close", refuseIt);
    return begun.headersSent || begun.socket === null ? void socket.destroy() : refuseIt();
  });

  server.listen(where.port, where.host);
  await once(server, "listening").catch((cause: unknown) => {
    throw new Error(`${(cause as Error).message}. Stop whatever listens there, or set PORT or HOST otherwise.`, { cause });
  });

  return {
    port: (server.address() as AddressInfo).port,
    /** Takes nothing new and lets what was asked be answered, so long and no longer. */
    close: async (patience_ms: number): Promise<void> => {
      closing = true;
      const closed = once(server, "close");
      server.close();
      for (const [socket, unanswered] of connections) {
        const begun = unanswered.at(-1);
        if (!begun || begun.writableFinished) socket.destroy();
        else if (!begun.headersSent) begun.setHeader("Connection", "close");
        // A stream that ends now has said already that the connection stays: nothing more is to be asked on it.
        else begun.once("finish", () => socket.end());
      }
      const end = setTimeout(() => server.closeAllConnections(), patience_ms);
      await closed;
      clearTimeout(end);
    },
  };
}

/** RFC 9112 §3.2: a request has one host; only one of HTTP/1.0 may have none. Node reads HTTP/0.9 and 2.0 too, as if they were 1.1. */
function assertHead({ rawHeaders, httpVersion }: IncomingMessage): void {
  if (httpVersion !== "1.1" && httpVersion !== "1.0") throw unreadable("Send HTTP/1.1.");
  if (rawHeaders.length > 2 * most_headers) {
    throw new ApiError("headers_too_large", { detail: `A request may have at most ${most_headers} headers.` });
  }
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (isHost(rawHeaders[at]!)) hosts += 1;
  if (hosts > 1 || (hosts === 0 && httpVersion === "1.1")) throw unreadable("A request has exactly one Host header.");
}

const isHost = (name: string): boolean => name.length === 4 && name.toLowerCase() === "host";

const unreadable = (detail?: string): ApiError => new ApiError("malformed_request", detail === undefined ? {} : { detail });

function readFault(error: unknown): ApiError {
  return error instanceof RequestError ? unreadable("The target or the Host header is no part of a URL.") : asApiError(error);
}

/** What Node's parser and its timers find, by the codes of its errors. */
function parserFault(code: string | undefined): ApiError {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return new ApiError("request_timeout");
  if (code === "HPE_HEADER_OVERFLOW") return new ApiError("headers_too_large");
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW")
    return new ApiError("payload_too_large", { detail: "The extensions of a chunk are too long." });
  return unreadable();
}

/** Before the front door there is neither a route nor a request id: this is the whole of the answer. */
function refusalOf({ newId, settings, log }: Services, error: ApiError) {
  const request_id = newId("req");
  if (error.status >= 500) log.error({ err: error.cause ?? error, request_id }, "request failed");
  else log.info({ request_id, status: error.status, code: error.code }, "a request that could not be read");
  return {
    status: error.status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      "X-Request-Id": request_id,
      Connection: "close",
    },
    body: JSON.stringify(problemOf(error, { docs_url: `${settings.public_url}/docs`, instance: "/", request_id })),
  };
}

function respond(services: Services, error: ApiError): Response {
  const { body, ...init } = refusalOf(services, error);
  return new Response(body, init);
}

/** Where the parser gave up there is no answer to write to, only a socket. */
function refuse(services: Services, socket: Duplex, error: ApiError): void {
  if (!socket.writable) return void socket.destroy();
  const { status, headers, body } = refusalOf(services, error);
  const lines = Object.entries({
    ...headers,
    Date: new Date(epochMs(services.now())).toUTCString(),
    "Content-Length": String(Buffer.byteLength(body)),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`);
  socket.destroy();
}
