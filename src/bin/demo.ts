import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { environmentWith, readConfig } from "../config.ts";
import { after, systemClock } from "../core/time.ts";
import { tellStory } from "./story.ts";
import { openWorld } from "./world.ts";

/** `npm run demo:loop [-- payload.json]`: the story, on `DATABASE_URL` or on an embedded database of its own. */
async function main(): Promise<void> {
  const payload = readFileSync(process.argv[2] ?? new URL("../../tests/fixtures/whatsapp-text.json", import.meta.url), "utf8");
  const DATA_DIR = mkdtempSync(join(tmpdir(), "wassla-demo-"));
  const config = readConfig(environmentWith({ LOG_LEVEL: "warn", DATA_DIR, ALLOW_PRIVATE_WEBHOOKS: "on" }));

  let offset_ms = 0;
  const world = await openWorld(config, { now: () => after(systemClock(), offset_ms) });
  try {
    const { port, close } = await listen(world.app.fetch);
    const { attempts } = await tellStory(
      {
        url: `http://127.0.0.1:${port}`,
        services: world.services,
        cron_secret: config.cron_secret,
        advance: (ms) => void (offset_ms += ms),
        say: (line) => console.log(line),
      },
      payload,
    );
    close();
    process.exitCode = attempts.length === 3 ? 0 : 1;
  } finally {
    await world.close();
    rmSync(DATA_DIR, { recursive: true });
  }
}

const listen = (fetch: Parameters<typeof serve>[0]["fetch"]): Promise<{ port: number; close: () => void }> =>
  new Promise((listening) => {
    const server = serve({ fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) => listening({ port, close: () => void server.close() }));
  });

await main();
