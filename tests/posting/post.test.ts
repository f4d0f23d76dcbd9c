import { once } from "node:events";
import type { IncomingMessage, Server as HttpServer } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  ca,
  eventually,
  expired,
  frozenReceiver,
  laptop,
  leadingTo,
  post,
  posterOn,
  rawReceiver,
  receiver,
  tcpReceiver,
  tlsReceiver,
} from "../support/wire-receivers.ts";

describe("a response", () => {
  test("200 is a success, and the request arrives byte for byte", async () => {
    let seen: { method?: string; url?: string; headers?: IncomingMessage["headers"]; body?: string } = {};
    const { url } = await receiver(async (request, response) => {
      seen = { method: request.method!, url: request.url!, headers: request.headers, body: await text(request) };
      response.writeHead(200, { "Content-Type": "text/plain", "X-Twice": ["a", "b"] }).end("thank you");
    });

    const outcome = await post(`${url}/hook?a=%20b`, {
      body: '{"text":"مرحبا"}',
      headers: { "webhook-id": "dlv_1", delivery_id: "dlv_1" },
    });

    expect(outcome).toMatchObject({ status_code: 200, error: null, response_body: "thank you", remote_address: "127.0.0.1" });
    expect(outcome.response_headers).toMatchObject({ "content-type": "text/plain", "x-twice": "a, b" });
    expect(outcome.duration_ms).toSatisfy(Number.isInteger);
    expect(seen).toMatchObject({ method: "POST", url: "/hook?a=%20b", body: '{"text":"مرحبا"}' });
    expect(seen.headers).toMatchObject({ "webhook-id": "dlv_1", delivery_id: "dlv_1", host: new URL(url).host, "content-length": "21" });
  });

  test("204 is a success with an empty body", async () => {
    const { url } = await receiver((_, response) => response.writeHead(204).end());
    expect(await post(url)).toMatchObject({ status_code: 204, error: null, response_body: "" });
  });

  test("a redirect is a failure and is not followed", async () => {
    const { url, seen } = await receiver((_, response) => response.writeHead(307, { Location: "/elsewhere" }).end());
    const outcome = await post(url);
    expect(outcome).toMatchObject({ status_code: 307, error: "non_2xx", response_headers: { location: "/elsewhere" } });
    expect(seen.requests).toEqual(["/"]);
  });

  test.for([300, 301, 302, 303, 304, 305, 308])("%i is a failure too, wherever it points", async (status_code) => {
    const elsewhere = await receiver((_, response) => response.end());
    const { url } = await receiver((_, response) => response.writeHead(status_code, { Location: elsewhere.url }).end());
    expect(await post(url)).toMatchObject({ status_code, error: "non_2xx", response_headers: { location: elsewhere.url } });
    expect(elsewhere.seen.connections).toBe(0);
  });

  test("500 is a failure whose body is recorded", async () => {
    const { url } = await receiver((_, response) => response.writeHead(500).end("no database"));
    expect(await post(url)).toMatchObject({ status_code: 500, error: "non_2xx", response_body: "no database" });
  });

  test("early hints are not the response", async () => {
    const { url } = await rawReceiver("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    expect(await post(url)).toMatchObject({
      status_code: 200,
      error: null,
      response_body: "ok",
      response_headers: { "content-length": "2" },
    });
  });

  test("trailers are no headers", async () => {
    const { url } = await rawReceiver(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
    );
    expect(await post(url)).toMatchObject({
      status_code: 200,
      error: null,
      response_body: "ok",
      response_headers: { trailer: "X-Sum", "transfer-encoding": "chunked" },
    });
  });

  test("what follows a 204 is not taken for the answer to the next request", async () => {
    const { url, seen } = await tcpReceiver((socket) =>
      socket.on("data", () => socket.write("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")),
    );
    const poster = posterOn();
    for (let i = 0; i < 3; i++) {
      expect(await poster.post({ url, headers: {}, body: "{}" })).toMatchObject({ status_code: 204, error: null, response_body: "" });
      await eventually(() => expect(seen.open).toBe(0));
    }
  });

  test("an answer that comes before the request has been read is one", async () => {
    const { url } = await tcpReceiver((socket) =>
      socket.once("data", () => socket.pause().write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nlong")),
    );
    const outcome = await post(url, { body: "x".repeat(5_000_000) });
    expect(outcome).toMatchObject({ status_code: 413, error: "non_2xx", response_body: "long" });
  });

  test("a body that lasts until the connection closes is read to its end", async () => {
    const { url } = await rawReceiver("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    expect(await post(url)).toMatchObject({ status_code: 200, error: null, response_body: "until the end" });
  });

  test("the first 4 KiB of the body are kept, and a long rest is dropped with the connection", async () => {
    const { url, seen } = await receiver((_, response) => response.end("x".repeat(1_000_000)));
    const outcome = await post(url);
    expect(outcome).toMatchObject({ status_code: 200, error: null });
    expect(outcome.response_body).toBe("x".repeat(4096));
    await eventually(() => expect(seen.open).toBe(0));
  });

  test("the cap is a setting", async () => {
    const { url } = await receiver((_, response) => response.end("0123456789"));
    expect((await post(url, {}, { body_cap_bytes: 10 })).response_body).toBe("0123456789");
    expect((await post(url, {}, { body_cap_bytes: 9 })).response_body).toBe("012345678");
  });

  test("a body is cut between characters, in whatever pieces it arrives", async () => {
    const { url } = await receiver(async (_, response) => {
      for (const byte of Buffer.from("aé€😀")) {
        response.write(Buffer.of(byte));
        await sleep(1);
      }
      response.end();
    });
    const cut = async (body_cap_bytes: number) => (await post(url, {}, { body_cap_bytes })).response_body;
    expect(await Promise.all([1, 2, 3, 5, 6, 9, 10].map(cut))).toEqual(["a", "a", "aé", "aé", "aé€", "aé€", "aé€😀"]);
  });

  test("what PostgreSQL cannot store is replaced", async () => {
    const body = Buffer.from([0x61, 0, 0x62, 0xff, 0xed, 0xa0, 0x80, 0xc3]);
    const { url } = await receiver((_, response) => response.setHeader("x-latin", "caf\xe9").end(body));
    const { response_body, response_headers } = await post(url);
    expect(response_body).toBe("a\ufffdb\ufffd\ufffd\ufffd\ufffd\ufffd");
    expect(response_headers?.["x-latin"]).toBe("café");
    expect(JSON.stringify([response_body, response_headers])).not.toMatch(/\\u0000|\\ud[89a-f]/);
  });

  test("a header that is too long leaves its room to those behind it, and Retry-After has its room before them", async () => {
    const { url } = await receiver((_, response) =>
      response
        .writeHead(503, { "Content-Security-Policy": "x".repeat(4200), "X-Much": "y".repeat(4050), "X-Little": "z", "Retry-After": "3600" })
        .end(),
    );
    const { response_headers } = await post(url);
    expect(response_headers).toMatchObject({ "retry-after": "3600", "x-little": "z" });
    expect(Object.keys(response_headers!)).not.toContain("content-security-policy");
  });

  test("of many headers the first 4 Ki characters are kept", async () => {
    const { url } = await receiver((_, response) => {
      for (let i = 0; i < 10; i++) response.setHeader(`x-${i}`, "v".repeat(1000));
      response.end();
    });
    const { status_code, error, response_headers } = await post(url);
    expect({ status_code, error }).toEqual({ status_code: 200, error: null });
    expect(Object.keys(response_headers!).filter((name) => name.startsWith("x-"))).toEqual(["x-0", "x-1", "x-2", "x-3"]);
  });

  test("a header may be called __proto__", async () => {
    const { url } = await rawReceiver("HTTP/1.1 200 OK\r\n__proto__: a\r\n__proto__: b\r\nconstructor: c\r\nContent-Length: 0\r\n\r\n");
    expect((await post(url)).response_headers).toEqual({ constructor: "c", "content-length": "0" });
  });
});

describe("the deadline", () => {
  test("a receiver that says nothing times out, and its connection is closed", async () => {
    const { url, seen } = await receiver(() => {});
    const outcome = await post(url, {}, { timeout_ms: 60 });
    expect(outcome).toMatchObject({
      status_code: null,
      error: "timeout",
      response_headers: null,
      response_body: null,
      remote_address: "127.0.0.1",
    });
    expect(outcome.duration_ms).toBeGreaterThanOrEqual(55);
    expect(outcome.duration_ms).toBeLessThan(600);
    await eventually(() => expect(seen.open).toBe(0));
    await sleep(30);
    expect(seen.connections).toBe(1);
  });

  test("early hints do not extend it", async () => {
    const { url } = await tcpReceiver((socket) => socket.write("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"));
    expect(await post(url, {}, { timeout_ms: 60 })).toMatchObject({ status_code: null, error: "timeout", response_headers: null });
  });

  test("nor does any number of them", async () => {
    const { url } = await tcpReceiver(async (socket) => {
      while (!socket.destroyed) {
        socket.write("HTTP/1.1 102 Processing\r\n\r\n");
        await sleep(5);
      }
    });
    expect(await post(url, {}, { timeout_ms: 80 })).toMatchObject({ status_code: null, error: "timeout", response_headers: null });
  });

  test("headers that drip do not extend it", async () => {
    const { url } = await tcpReceiver(async (socket) => {
      for (const piece of "HTTP/1.1 200 OK\r\nX-Slow: 1\r\n\r\n") {
        socket.write(piece);
        await sleep(20);
      }
    });
    expect(await post(url, {}, { timeout_ms: 80 })).toMatchObject({ status_code: null, error: "timeout" });
  });

  test("a response that came in time is one, even if the process was too busy to read it", async () => {
    const { url } = await receiver((_, response) => {
      response.end("ok", () => {
        const until_ms = performance.now() + 120;
        while (performance.now() < until_ms);
      });
    });
    expect(await post(url, {}, { timeout_ms: 60 })).toMatchObject({ status_code: 200, response_body: "ok" });
  });

  test("a 2xx whose body drips is a success at the deadline, with what has come by then", async () => {
    const { url, seen } = await receiver(async (_, response) => {
      response.writeHead(200);
      while (!response.destroyed) {
        response.write("é");
        await sleep(10);
      }
    });
    const outcome = await post(url, {}, { timeout_ms: 80 });
    expect(outcome).toMatchObject({ status_code: 200, error: null, response_body: expect.stringMatching(/^é+$/) as string });
    expect(outcome.duration_ms).toBeLessThan(600);
    await eventually(() => expect(seen.open).toBe(0));
  });

  test("a body that it cuts ends at a character's boundary", async () => {
    const { url } = await tcpReceiver((socket) => socket.write(Buffer.from("HTTP/1.1 200 OK\r\n\r\nab\xe2\x82", "latin1")));
    expect(await post(url, {}, { timeout_ms: 60 })).toMatchObject({ status_code: 200, error: null, response_body: "ab" });
  });

  test("a 503 whose body drips stays a 503", async () => {
    const { url } = await receiver((_, response) => void response.writeHead(503).write("busy"));
    expect(await post(url, {}, { timeout_ms: 60 })).toMatchObject({ status_code: 503, error: "non_2xx", response_body: "busy" });
  });

  test("a name server that does not answer is bounded by it", async () => {
    const silent = { ...laptop, resolve: () => new Promise<string[]>(() => {}) };
    const poster = posterOn({ timeout_ms: 60 }, silent);
    expect(await poster.post({ url: "https://receiver.test/", headers: {}, body: "" })).toMatchObject({
      error: "timeout",
      remote_address: null,
    });
    await poster.close();
  });

  test("a TLS handshake that does not end is bounded by it", async () => {
    const { url, seen } = await tcpReceiver(() => {});
    const outcome = await post(url.replace("http:", "https:"), {}, { timeout_ms: 60 });
    expect(outcome).toMatchObject({ status_code: null, error: "timeout", remote_address: "127.0.0.1" });
    await eventually(() => expect(seen.open).toBe(0));
  });

  test("nor does one that drips extend it", async () => {
    const { url, seen } = await tcpReceiver(async (socket) => {
      // The head of a handshake record of 16 KiB, whose content comes byte by byte.
      socket.write(Buffer.from([22, 3, 3, 0x40, 0]));
      while (!socket.destroyed) {
        socket.write(Buffer.of(2));
        await sleep(5);
      }
    });
    expect(await post(url.replace("http:", "https:"), {}, { timeout_ms: 80 })).toMatchObject({ status_code: null, error: "timeout" });
    await eventually(() => expect(seen.open).toBe(0));
  });

  test("a receiver that accepts no connection times out, whether its backlog has room or not", async () => {
    const url = await frozenReceiver();
    const poster = posterOn({ timeout_ms: 200 });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => poster.post({ url, headers: {}, body: "{}" })));
    expect(outcomes.map(({ status_code, error }) => ({ status_code, error }))).toEqual(
      Array.from({ length: 8 }, () => ({ status_code: null, error: "timeout" })),
    );
    expect(new Set(outcomes.map(({ remote_address }) => remote_address)), "some got into the backlog").toEqual(
      new Set(["127.0.0.1", null]),
    );
  });

  test("time spent waiting for one of the origin's 64 connections does not count: a post that waited has all of its own", async () => {
    let count = 0;
    const { url, seen } = await receiver((_, response) => void (++count > 64 && setTimeout(() => response.end("ok"), 100)));
    const poster = posterOn({ timeout_ms: 600 });
    const started_ms = performance.now();
    const carried_ms: number[] = [];
    const onCarried = () => void carried_ms.push(performance.now() - started_ms);
    const outcomes = await Promise.all(Array.from({ length: 80 }, () => poster.post({ url, headers: {}, body: "{}", onCarried })));
    expect(outcomes.map(({ error }) => error)).toEqual([...Array<string>(64).fill("timeout"), ...Array<null>(16).fill(null)]);
    for (const { duration_ms } of outcomes.slice(64)) expect(duration_ms).toBeLessThan(500);
    expect(Math.min(...carried_ms.slice(64))).toBeGreaterThan(590);
    await poster.close();
    await eventually(() => expect(seen.open).toBe(0));
  });

  test("how much of an origin's connections is free is known, and nothing of it while somebody waits for one", async () => {
    const answers: (() => void)[] = [];
    const { url } = await receiver((_, response) => void answers.push(() => response.end("ok")));
    const { origin } = new URL(url);
    const poster = posterOn();
    const post = (times: number) => Array.from({ length: times }, () => poster.post({ url, headers: {}, body: "{}" }));
    expect(poster.roomAt(origin)).toBe(1);
    const outcomes = post(48);
    expect(poster.roomAt(origin)).toBe(0.25);
    outcomes.push(...post(20));
    expect(poster.roomAt(origin)).toBe(0);
    await eventually(() => expect(answers).toHaveLength(64));
    for (const answer of answers.splice(0)) answer();
    await eventually(() => expect(answers).toHaveLength(4));
    for (const answer of answers.splice(0)) answer();
    await Promise.all(outcomes);
    await eventually(() => expect(poster.roomAt(origin)).toBe(1));
  });
});

describe("what goes wrong on the way", () => {
  test("nobody listens: connection_refused", async () => {
    const { url, server } = await tcpReceiver(() => {});
    server.close();
    await once(server, "close");
    const outcome = await post(url);
    expect(outcome).toMatchObject({
      status_code: null,
      error: "connection_refused",
      response_body: null,
      response_headers: null,
      remote_address: null,
    });
  });

  test("localhost is reached on whichever loopback address somebody listens", async () => {
    const { url, seen } = await receiver((_, response) => response.end("ok"));
    const host = new URL(url).host.replace("127.0.0.1", "localhost");
    expect(await post(`http://${host}/`)).toMatchObject({ status_code: 200, remote_address: "127.0.0.1" });
    expect(seen.hosts).toEqual([host]);
  });

  test("localhost is tried on every loopback address before it is refused", async () => {
    const { url, server } = await tcpReceiver(() => {});
    server.close();
    await once(server, "close");
    expect(await post(url.replace("127.0.0.1", "localhost"))).toMatchObject({ error: "connection_refused" });
  });

  test("the connection is reset: connection_reset", async () => {
    const { url } = await tcpReceiver((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await post(url)).toMatchObject({ status_code: null, error: "connection_reset", remote_address: "127.0.0.1" });
  });

  test("the connection is closed without an answer: connection_reset", async () => {
    const { url } = await tcpReceiver((socket) => socket.once("data", () => socket.end()));
    expect(await post(url)).toMatchObject({ status_code: null, error: "connection_reset" });
  });

  test("the connection is closed in the middle of the head: connection_reset", async () => {
    const { url } = await rawReceiver("HTTP/1.1 200 OK\r\nContent-Le");
    expect(await post(url)).toMatchObject({ status_code: null, error: "connection_reset", response_headers: null });
  });

  test("a connection that breaks after the head changes nothing about the outcome", async () => {
    const { url } = await tcpReceiver((socket) =>
      socket.once("data", () =>
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", () => setTimeout(() => socket.resetAndDestroy(), 10)),
      ),
    );
    expect(await post(url)).toMatchObject({ status_code: 200, error: null, response_body: "half" });
  });

  test.for([
    ["something else", "SSH-2.0-OpenSSH_9.6\r\n"],
    ["a malformed header", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"],
    ["a status that is no number", "HTTP/1.1 OK 200\r\n\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    ["a 100 that was not asked for", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
    ["an upgrade that was not asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"],
    ["a 0.9 answer, which has no head", "<html>hello</html>"],
    ["a status beyond three digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"],
    ["a header name with a NUL", "HTTP/1.1 200 OK\r\nX-\0: 1\r\nContent-Length: 0\r\n\r\n"],
    ["headers of more than 16 KiB", `HTTP/1.1 200 OK\r\n${`X-Much: ${"v".repeat(1000)}\r\n`.repeat(20)}\r\n`],
  ])("%s is an invalid_response", async ([, bytes]) => {
    const { url } = await rawReceiver(bytes!);
    expect(await post(url)).toMatchObject({ status_code: null, error: "invalid_response", response_body: null });
  });

  test("a malformed body changes nothing about the outcome", async () => {
    const { url } = await rawReceiver("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nnonsense\r\n");
    expect(await post(url)).toMatchObject({ status_code: 200, error: null, response_body: "ok" });
  });

  test("a name without an address, and one that nobody answers for: dns", async () => {
    expect(await post("https://receiver.test/", {}, {}, leadingTo())).toMatchObject({
      status_code: null,
      error: "dns",
      remote_address: null,
    });
    expect(await post("https://receiver.test/", {}, {}, laptop)).toMatchObject({ status_code: null, error: "dns" });
  });

  test("nothing that is asked of it makes it throw", async () => {
    const { url } = await receiver((_, response) => response.end());
    expect(await post("not a URL")).toMatchObject({ status_code: null, error: "blocked_address" });
    expect(await post("ftp://localhost/")).toMatchObject({ status_code: null, response_body: null });
    expect(await post(url, { headers: { "x-bad": "a\r\nb: c" } })).toMatchObject({ status_code: null, error: "invalid_response" });
    const poster = posterOn();
    await poster.close();
    expect(await poster.post({ url, headers: {}, body: "" })).toMatchObject({ status_code: null, error: "connection_reset" });
  });
});

describe("TLS", () => {
  test("SNI, Host and the certificate's name stay the URL's, whatever address it leads to", async () => {
    const { url, seen } = await tlsReceiver((_, response) => response.end("ok"));
    expect(await post(url, {}, { ca }, leadingTo("127.0.0.1"))).toMatchObject({
      status_code: 200,
      error: null,
      remote_address: "127.0.0.1",
    });
    expect(seen).toMatchObject({ sni: ["receiver.test"], hosts: [new URL(url).host] });
  });

  test.for([
    ["a certificate that nobody vouches for", "receiver.test", undefined],
    ["a certificate of another name", "other.test", "ca"],
    ["a certificate of a name where an address was asked for", "127.0.0.1", "ca"],
  ])("%s: tls, and no request is sent", async ([, host, trusted]) => {
    const { url, seen } = await tlsReceiver((_, response) => response.end("ok"));
    const outcome = await post(url.replace("receiver.test", host!), {}, trusted ? { ca } : {}, leadingTo("127.0.0.1"));
    expect(outcome).toMatchObject({ status_code: null, error: "tls", remote_address: "127.0.0.1" });
    expect(seen.requests).toEqual([]);
  });

  test("a certificate that has expired: tls, and no request is sent", async () => {
    const { url, seen } = await tlsReceiver((_, response) => response.end("ok"), expired);
    expect(await post(url, {}, { ca }, leadingTo("127.0.0.1"))).toMatchObject({
      status_code: null,
      error: "tls",
      remote_address: "127.0.0.1",
    });
    expect(seen.requests).toEqual([]);
  });

  test("a receiver that does not speak TLS: tls", async () => {
    const { url } = await receiver((_, response) => response.end());
    expect(await post(url.replace("http:", "https:"))).toMatchObject({ status_code: null, error: "tls" });
  });
});

describe("the guard", () => {
  test.for([
    "https://127.0.0.1",
    "https://[::1]",
    "https://2130706433",
    "https://localhost",
    "https://169.254.169.254",
    "https://[::ffff:7f00:1]",
    "http://127.0.0.1",
  ])("%s is blocked before any connection is made", async (origin) => {
    const { port, seen } = await tcpReceiver(() => {});
    const outcome = await post(`${origin}:${port}/`, {}, {}, { ...laptop, allow_private_webhooks: false });
    expect(outcome).toMatchObject({ status_code: null, error: "blocked_address", remote_address: null });
    expect(seen.connections).toBe(0);
  });

  test("link-local stays blocked on a laptop", async () => {
    expect(await post("https://169.254.169.254/latest/meta-data")).toMatchObject({ error: "blocked_address", remote_address: null });
  });

  test("a name with one bad address is blocked, though the other would answer", async () => {
    const { url, seen } = await tlsReceiver((_, response) => response.end());
    expect(await post(url, {}, { ca }, leadingTo("127.0.0.1", "10.0.0.1"))).toMatchObject({ error: "blocked_address" });
    expect(seen.connections).toBe(0);
  });

  test("the service's own host is blocked", async () => {
    expect(await post("https://api.wassla.example/", {}, {}, { ...laptop, own_host: "api.wassla.example" })).toMatchObject({
      error: "blocked_address",
    });
  });

  test("a name that leads elsewhere later is judged again at the next connection", async () => {
    const { url, seen } = await tlsReceiver((_, response) => response.setHeader("connection", "close").end("ok"));
    const answers = [["127.0.0.1"], ["10.0.0.1"]];
    const poster = posterOn({ ca }, { ...laptop, resolve: () => Promise.resolve(answers.shift()!) });
    expect(await poster.post({ url, headers: {}, body: "{}" })).toMatchObject({ status_code: 200 });
    expect(await poster.post({ url, headers: {}, body: "{}" })).toMatchObject({
      status_code: null,
      error: "blocked_address",
      remote_address: null,
    });
    expect(seen.connections).toBe(1);
  });
});

describe("connections", () => {
  test("one connection serves one post after the other, and its name is asked once", async () => {
    const { url, seen } = await tlsReceiver((_, response) => response.end("ok"));
    const resolve = vi.fn(() => Promise.resolve(["127.0.0.1"]));
    const poster = posterOn({ ca }, { ...laptop, resolve });
    for (let i = 0; i < 5; i++)
      expect(await poster.post({ url, headers: {}, body: "{}" })).toMatchObject({ status_code: 200, remote_address: "127.0.0.1" });
    expect(seen.connections).toBe(1);
    expect(resolve).toHaveBeenCalledTimes(1);
  });

  test("an origin has at most 64, and what waits for one is posted when it comes free", async () => {
    const answers: (() => void)[] = [];
    const { url, seen } = await receiver((_, response) => void answers.push(() => response.end("ok")));
    const poster = posterOn();
    const outcomes = Array.from({ length: 80 }, () => poster.post({ url, headers: {}, body: "{}" }));
    await eventually(() => expect(answers).toHaveLength(64));
    for (const answer of answers.splice(0)) answer();
    await eventually(() => expect(answers).toHaveLength(16));
    for (const answer of answers.splice(0)) answer();
    expect(new Set((await Promise.all(outcomes)).map(({ status_code }) => status_code))).toEqual(new Set([200]));
    expect(seen.connections).toBe(64);
  });

  test("a response of up to 64 KiB does not cost the connection", async () => {
    const { url, seen } = await receiver((_, response) => response.end("x".repeat(60_000)));
    const poster = posterOn();
    for (let i = 0; i < 3; i++) expect((await poster.post({ url, headers: {}, body: "{}" })).response_body).toHaveLength(4096);
    expect(seen.connections).toBe(1);
  });

  test("a connection older than a minute serves once more and no longer; the next is judged anew", async () => {
    const { url, seen } = await tlsReceiver((_, response) => response.end("ok"));
    const resolve = vi.fn(() => Promise.resolve(["127.0.0.1"]));
    const poster = posterOn({ ca }, { ...laptop, resolve });
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, "now");
    onTestFinished(() => clock.mockRestore());

    expect(await poster.post({ url, headers: {}, body: "{}" })).toMatchObject({ status_code: 200 });
    clock.mockImplementation(() => now() + 61_000);
    for (let i = 0; i < 3; i++) expect(await poster.post({ url, headers: {}, body: "{}" })).toMatchObject({ status_code: 200 });
    expect(seen.sockets.map((socket) => socket === seen.sockets[0])).toEqual([true, true, false, false]);
    expect(resolve).toHaveBeenCalledTimes(seen.connections);
  });

  test("a receiver that closed an idle connection costs no attempt", async () => {
    const { url, seen, server } = await receiver((_, response) => response.end("ok"));
    const poster = posterOn();
    for (let i = 0; i < 3; i++) {
      expect(await poster.post({ url, headers: {}, body: "{}" })).toMatchObject({ status_code: 200 });
      (server as HttpServer).closeAllConnections();
      await eventually(() => expect(seen.open).toBe(0));
    }
    expect(seen.connections).toBe(3);
  });

  test("posts to one origin that fail do not hold up those that follow", async () => {
    const { url, server } = await tcpReceiver(() => {});
    server.close();
    await once(server, "close");
    const poster = posterOn();
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => poster.post({ url, headers: {}, body: "{}" })));
    expect(new Set(outcomes.map(({ error }) => error))).toEqual(new Set(["connection_refused"]));
    await poster.close();
  });

  test("closing waits for what is on the wire and leaves no connection behind", async () => {
    let answer = () => {};
    const { url, seen } = await receiver((_, response) => {
      answer = () => response.end("ok");
    });
    const poster = posterOn();
    const outcome = poster.post({ url, headers: {}, body: "{}" });
    await eventually(() => expect(seen.requests).toHaveLength(1));
    const closed = poster.close();
    answer();
    expect(await outcome).toMatchObject({ status_code: 200, response_body: "ok" });
    await Promise.race([closed, sleep(1000).then(() => expect.fail("it waits for the idle connection"))]);
    await poster.close();
    await eventually(() => expect(seen.open).toBe(0));
  });

  test("no timer is left behind", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const { url } = await receiver((_, response) => response.end("ok"));
    const poster = posterOn();
    expect(await poster.post({ url, headers: {}, body: "{}" })).toMatchObject({ status_code: 200 });
    expect(await poster.post({ url: url.replace("http:", "https:"), headers: {}, body: "{}" })).toMatchObject({ error: "tls" });
    await poster.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});
