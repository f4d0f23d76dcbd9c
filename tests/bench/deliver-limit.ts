import { createNewId } from "../../src/core/ids.ts";
import { systemClock } from "../../src/core/time.ts";
import type { ClaimedDelivery, Destination } from "../../src/dispatch/claim-deliveries.ts";
import { createPoster } from "../../src/posting/post.ts";
import { signedRequest } from "../../src/dispatch/sign.ts";

/** The same signed posts with no database at all: what the network, the signature and this machine allow. */
const { count, urls, body } = JSON.parse(process.argv[2]!) as { count: number; urls: string[]; body: string };
const at_once = Number(process.env["BENCH_AT_ONCE"] ?? 64);
const newId = createNewId();
const poster = createPoster({
  fetch,
  resolve: async () => [],
  allow_private_webhooks: true,
  own_host: "api.wassla.test",
});
const endpoints = urls.map((url): Destination => ({
  id: newId("whe"),
  url,
  origin: new URL(url).origin,
  term: 0,
  delivery_id_header: true,
  headers: {},
  secrets: [process.env["BENCH_SECRET"]!],
  is_readable: true,
  read_ms: 0,
}));
const deliveries = Array.from({ length: count }, (_, i): ClaimedDelivery => ({
  workspace_id: newId("ws"),
  uuid: "",
  lane: "",
  lease_id: "",
  lease_until: "",
  attempts: 0,
  id: newId("dlv"),
  endpoint: endpoints[i % urls.length]!,
  event_type: "new_message",
  payload: body,
  trigger: "automatic",
  resting_status: null,
  term: 0,
  hurried_from: null,
  extra_attempts: 0,
  begin_by: systemClock(),
  created_at: systemClock(),
})).values();

const started_ms = performance.now();
const work = async () => {
  for (const delivery of deliveries) {
    const { error } = await poster.post(signedRequest(delivery, systemClock()));
    if (error !== null) throw new Error(error);
  }
};
await Promise.all(Array.from({ length: at_once }, work));
process.send!((count * 1000) / (performance.now() - started_ms), () => process.exit(0));
