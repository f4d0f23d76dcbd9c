import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { onTestFinished, vi } from "vitest";
import type { PostOutcome, Poster } from "../../src/core/poster.ts";
import { createPoster, type PosterOptions } from "../../src/posting/post.ts";

export const laptop = {
  fetch,
  resolve: (): Promise<string[]> => Promise.reject(new Error("no name is asked for in this test")),
  allow_private_webhooks: true,
  own_host: "localhost",
};
export const leadingTo = (...addresses: string[]) => ({ ...laptop, resolve: () => Promise.resolve(addresses) });

export function posterOn(options: PosterOptions = {}, network = laptop): Poster {
  const poster = createPoster(network, { timeout_ms: 2000, ...options });
  onTestFinished(() => poster.close());
  return poster;
}

export const post = (
  url: string,
  request: { headers?: Record<string, string>; body?: string } = {},
  options?: PosterOptions,
  network = laptop,
): Promise<PostOutcome> => posterOn(options, network).post({ url, headers: {}, body: "{}", ...request });

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

export const receiver = (listener: Listener) =>
  listening(
    createHttpServer((request, response) => void listener(request, response)),
    "http://127.0.0.1",
  );

export const tlsReceiver = (listener: Listener, cert = ca) =>
  listening(
    createHttpsServer({ key, cert }, (request, response) => void listener(request, response)),
    "https://receiver.test",
  );

export const tcpReceiver = (serve: (socket: Socket) => unknown) =>
  listening(
    createTcpServer((socket) => void serve(socket.resume())),
    "http://127.0.0.1",
  );

/** Answers whatever comes with these bytes, and closes. */
export const rawReceiver = (bytes: string) => tcpReceiver((socket) => socket.once("data", () => socket.end(bytes, "latin1")));

/** A process that listens and is stopped: the kernel takes connections into its backlog of one, and nobody accepts them. */
export async function frozenReceiver(): Promise<string> {
  const listen = `const s = require("net").createServer().listen(0, "127.0.0.1", 1, () => console.log(s.address().port))`;
  const child = spawn(process.execPath, ["-e", listen], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  child.kill("SIGSTOP");
  return `http://127.0.0.1:${port.toString().trim()}`;
}

/** A server on a port of loopback for the time of one test, and what it saw. */
export async function listening<S extends Server>(server: S, origin: string) {
  const seen = { connections: 0, open: 0, requests: [] as string[], hosts: [] as string[], sockets: [] as Socket[], sni: [] as unknown[] };
  server
    .on("connection", (socket: Socket) => {
      seen.connections++;
      seen.open++;
      socket.on("error", () => {}).on("close", () => seen.open--);
      onTestFinished(() => void socket.destroy());
    })
    .on("secureConnection", (socket: { servername: unknown }) => seen.sni.push(socket.servername))
    .on("request", ({ url = "", headers, socket }: IncomingMessage) => {
      seen.sockets.push(socket);
      seen.requests.push(url);
      seen.hosts.push(headers.host ?? "");
    })
    .listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return { server, seen, port, url: `${origin}:${port}` };
}

export const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

// A self-signed pair for receiver.test, valid from 2020 to 2120. It protects nothing.
export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQghUj3Bzft8DM62XmE
UPXuWmWsm90AmXwoPYeidH2rffOhRANCAAS5Opm3JhEzP/ZJgOIFnPW9nCAiLmcn
eTDzzWNOYnU6mb5pZbH8AknReYGwlTtSOOoy4pHKnPS2JhrsBWN+ee1P
-----END PRIVATE KEY-----`;
export const ca = `-----BEGIN CERTIFICATE-----
MIIBTDCB9KADAgECAgEBMAoGCCqGSM49BAMCMBgxFjAUBgNVBAMMDXJlY2VpdmVy
LnRlc3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyMDAxMDEwMDAwMDBaMBgxFjAUBgNV
BAMMDXJlY2VpdmVyLnRlc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS5Opm3
JhEzP/ZJgOIFnPW9nCAiLmcneTDzzWNOYnU6mb5pZbH8AknReYGwlTtSOOoy4pHK
nPS2JhrsBWN+ee1Poy0wKzAYBgNVHREEETAPgg1yZWNlaXZlci50ZXN0MA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIgJeiqje5Z8bLdnkCeMtN6633T
z7zUyhiDy7k3Lj20DUcCIA5ncEWFjGbqO9qdNq21HXWU7HrSQomvC9iUYcEapyRR
-----END CERTIFICATE-----`;
/** Of the same key, signed by the one above, valid on the first of January 2020. */
export const expired = `-----BEGIN CERTIFICATE-----
MIIBVDCB+qADAgECAgECMAoGCCqGSM49BAMCMBgxFjAUBgNVBAMMDXJlY2VpdmVy
LnRlc3QwHhcNMjAwMTAxMDAwMDAwWhcNMjAwMTAyMDAwMDAwWjASMRAwDgYDVQQD
DAdleHBpcmVkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuTqZtyYRMz/2SYDi
BZz1vZwgIi5nJ3kw881jTmJ1Opm+aWWx/AJJ0XmBsJU7UjjqMuKRypz0tiYa7AVj
fnntT6M7MDkwGAYDVR0RBBEwD4INcmVjZWl2ZXIudGVzdDAdBgNVHQ4EFgQUCtwG
IQRC0CD9R76lpCvi5PGbxdcwCgYIKoZIzj0EAwIDSQAwRgIhAKysEyFuaKCHzlQF
G91Voe6D7Ieq00QH9XcrH8T2h7JSAiEAzQ/HkH6TRFmNqVO9tZyJk/8LJHA+NZ/M
X/ZYagEeaGM=
-----END CERTIFICATE-----`;
