import { createServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { ca, eventually, laptop, leadingTo, post, posterOn, receiver, tcpReceiver, tlsReceiver } from "../support/wire-receivers.ts";

/** A proxy that opens what it is asked for, unless the test answers otherwise. */
async function createProxy(answer: (target: string) => number = () => 200) {
  const asked: { target: string; host: string | undefined; authorization: string | undefined }[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on("connect", ({ url = "", headers }: IncomingMessage, near: Duplex) => {
    asked.push({ target: url, host: headers.host, authorization: headers["proxy-authorization"] });
    sockets.add(near.on("error", () => {}).once("close", () => sockets.delete(near)));
    const status = answer(url);
    if (status === 0) return void near.resume().once("end", () => near.end());
    if (status >= 300) return void near.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
    const { hostname, port } = new URL(`http://${url}`);
    const far = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 80) }, () => {
      near.write(`HTTP/1.1 ${status} Connection Established\r\n\r\n`);
      far.pipe(near).pipe(far);
    });
    far.on("error", () => near.destroy());
    near.once("close", () => far.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { asked, sockets, proxy_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test("a proxy is asked for the judged address, and TLS is spoken with the receiver, inside", async () => {
  const { asked, proxy_url } = await createProxy();
  const { url, seen, port } = await tlsReceiver((_, response) => response.end("ok"));
  expect(await post(url, {}, { ca, proxy_url }, leadingTo("127.0.0.1"))).toMatchObject({
    status_code: 200,
    response_body: "ok",
    remote_address: "127.0.0.1",
  });
  expect(asked).toEqual([{ target: `127.0.0.1:${port}`, host: `127.0.0.1:${port}`, authorization: undefined }]);
  expect(seen).toMatchObject({ sni: ["receiver.test"], hosts: [`receiver.test:${port}`] });
});

test("plain http goes through a tunnel too, with its own host", async () => {
  const { asked, proxy_url } = await createProxy();
  const { url, seen, port } = await receiver((_, response) => response.end());
  expect(await post(`${url}/hook`, {}, { proxy_url })).toMatchObject({ status_code: 200 });
  expect(asked).toHaveLength(1);
  expect(seen).toMatchObject({ requests: ["/hook"], hosts: [`127.0.0.1:${port}`] });
});

test("what stands in the proxy's URL is told to it, and to nobody else", async () => {
  const { asked, proxy_url } = await createProxy();
  let told: IncomingMessage["headers"] = {};
  const { url } = await receiver(({ headers }, response) => {
    told = headers;
    response.end();
  });
  await post(url, {}, { proxy_url: proxy_url.replace("//", "//user:p%40ss@") });
  expect(asked[0]!.authorization).toBe(`Basic ${Buffer.from("user:p@ss").toString("base64")}`);
  expect(told).not.toHaveProperty("proxy-authorization");
});

test("one tunnel serves one post after the other", async () => {
  const { asked, proxy_url } = await createProxy();
  const { url, seen } = await receiver((_, response) => response.end());
  const poster = posterOn({ proxy_url });
  for (let n = 0; n < 3; n++) expect(await poster.post({ url, headers: {}, body: "{}" })).toMatchObject({ status_code: 200 });
  expect([asked.length, seen.requests.length]).toEqual([1, 3]);
});

test("an address that the guard refuses is not asked for", async () => {
  const { asked, proxy_url } = await createProxy();
  const strict = { ...laptop, allow_private_webhooks: false, resolve: () => Promise.resolve(["10.0.0.1"]) };
  expect(await post("https://receiver.test/", {}, { proxy_url }, strict)).toMatchObject({ status_code: null, error: "blocked_address" });
  expect(asked).toEqual([]);
});

test("where the proxy does not reach one address it is asked for the next", async () => {
  const { url, port } = await tlsReceiver((_, response) => response.end());
  const { asked, proxy_url } = await createProxy((target) => (target === `[::1]:${port}` ? 502 : 200));
  expect(await post(url, {}, { ca, proxy_url }, leadingTo("::1", "127.0.0.1"))).toMatchObject({ status_code: 200 });
  expect(asked.map(({ target }) => target)).toEqual([`[::1]:${port}`, `127.0.0.1:${port}`]);
});

test.each([403, 502])("a proxy that answers %i says that the receiver refused the connection, and nothing is sent", async (status) => {
  const { proxy_url } = await createProxy(() => status);
  const { url, seen } = await receiver((_, response) => response.end());
  expect(await post(url, {}, { proxy_url })).toMatchObject({ status_code: null, error: "connection_refused", remote_address: null });
  expect(seen.connections).toBe(0);
});

test("a proxy that does not know us is a fault of ours, and no other address is asked of it", async () => {
  const { asked, proxy_url } = await createProxy(() => 407);
  const { url, seen } = await tlsReceiver((_, response) => response.end());
  const outcome = await post(url, {}, { ca, proxy_url }, leadingTo("::1", "127.0.0.1"));
  expect(outcome).toMatchObject({ status_code: null, error: "service_error", remote_address: null });
  expect([asked.length, seen.requests.length]).toEqual([1, 0]);
});

test.each([
  ["is not there", "http://127.0.0.1:9"],
  ["has no address", "http://proxy.invalid:3128"],
  ["speaks no TLS", "https"],
])("a proxy that %s is a fault of ours", async (_, given) => {
  const { url } = await receiver((_, response) => response.end());
  const proxy_url = given === "https" ? (await createProxy()).proxy_url.replace("http:", "https:") : given;
  expect(await post(url, {}, { proxy_url })).toMatchObject({ status_code: null, error: "service_error", remote_address: null });
});

test("a proxy that does not answer is a timeout, and is let go of", async () => {
  const { asked, sockets, proxy_url } = await createProxy(() => 0);
  const { url } = await receiver((_, response) => response.end());
  expect(await post(url, {}, { proxy_url, timeout_ms: 200 })).toMatchObject({ status_code: null, error: "timeout" });
  expect(asked).toHaveLength(1);
  await eventually(() => expect(sockets.size).toBe(0));
});

test("a proxy that speaks no HTTP is a fault of ours", async () => {
  const { url: proxy_url } = await tcpReceiver((socket) => socket.once("data", () => socket.end("what?\r\n\r\n")));
  const { url, seen } = await receiver((_, response) => response.end());
  expect(await post(url, {}, { proxy_url })).toMatchObject({ status_code: null, error: "service_error" });
  expect(seen.connections).toBe(0);
});

test("a receiver whose certificate is another's is refused inside the tunnel too", async () => {
  const { proxy_url } = await createProxy();
  const { url, seen } = await tlsReceiver((_, response) => response.end());
  expect(await post(url, {}, { proxy_url }, leadingTo("127.0.0.1"))).toMatchObject({ status_code: null, error: "tls" });
  expect(seen.requests).toEqual([]);
});
