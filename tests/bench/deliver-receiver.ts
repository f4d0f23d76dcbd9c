import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Takes whatever is posted to any of its ports, and tells the parent on demand what arrived and when. */
const ports = await Promise.all(Array.from({ length: Number(process.argv[2]) }, () => listen()));
let arrivals: { id: string; at: string }[] = [];
process.on("message", () => {
  process.send!(arrivals);
  arrivals = [];
});
process.send!(ports.map((port) => `http://127.0.0.1:${port}/hook`));

function listen(): Promise<number> {
  const server = createServer((request, response) => {
    request.on("data", () => {});
    request.on("end", () => {
      arrivals.push({ id: String(request.headers["webhook-id"]), at: String(process.hrtime.bigint()) });
      response.writeHead(200, { "content-type": "text/plain", "content-length": "2" }).end("ok");
    });
  });
  // Longer than the poster keeps a connection: none is closed in the moment in which it is used again.
  server.keepAliveTimeout = 60_000;
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}
