import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { readConfig } from "../config.ts";
import { after, systemClock } from "../core/time.ts";
import { tellStory } from "./story.ts";
import { openWorld } from "./world.ts";

/** `npm run demo:loop [-- payload.json]`: the story, on `DATABASE_URL` or on an embedded database of its own. */
const DATA_DIR = mkdtempSync(join(tmpdir(), "wassla-demo-"));
const config = readConfig({ LOG_LEVEL: "warn", ...process.env, DATA_DIR, ALLOW_PRIVATE_WEBHOOKS: "on" });
const payload = readFileSync(process.argv[2] ?? new URL("../../tests/fixtures/whatsapp-text.json", import.meta.url), "utf8");

let offset_ms = 0;
const world = await openWorld(config, { now: () => after(systemClock(), offset_ms) });
const server = serve({ fetch: world.app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => {
  void tellStory(
    {
      url: `http://127.0.0.1:${port}`,
      services: world.services,
      cron_secret: config.cron_secret,
      advance: (ms) => void (offset_ms += ms),
      say: (line) => console.log(line),
    },
    payload,
  )
    .then(({ attempts }) => {
      process.exitCode = attempts.length === 3 ? 0 : 1;
    })
    .catch((error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    })
    .finally(async () => {
      server.close();
      await world.close();
      rmSync(DATA_DIR, { recursive: true });
    });
});
