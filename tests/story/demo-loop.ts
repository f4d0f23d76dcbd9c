import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../src/bin/run.ts";
import { openWorld } from "../../src/bin/world.ts";
import { readConfig } from "../../src/config.ts";
import { openServer } from "../../src/http/open-server.ts";
import { after, systemClock } from "../../src/core/time.ts";
import { tellStory } from "./tell-story.ts";

/** `npm run demo:loop [-- payload.json]`: the story, told on a laptop. */
run(async () => {
  const payload = readFileSync(process.argv[2] ?? new URL("../fixtures/whatsapp-text.json", import.meta.url), "utf8");
  const DATA_DIR = mkdtempSync(join(tmpdir(), "wassla-demo-"));
  try {
    await onItsOwnDatabase(DATA_DIR, payload);
  } finally {
    rmSync(DATA_DIR, { recursive: true });
  }
});

/** It moves the clock and delivers what is due to anybody, so nothing of the shell's environment says on which database. */
async function onItsOwnDatabase(DATA_DIR: string, payload: string): Promise<void> {
  const config = readConfig({ DATA_DIR, LOG_LEVEL: "warn", ALLOW_PRIVATE_WEBHOOKS: "on" });
  let offset_ms = 0;
  const world = await openWorld(config, { now: () => after(systemClock(), offset_ms) });
  const server = await openServer(world.app, world.services, { port: 0, host: "127.0.0.1" });
  try {
    const { attempts } = await tellStory(
      {
        url: `http://127.0.0.1:${server.port}`,
        services: world.services,
        cron_secret: config.cron_secret,
        advance: (ms) => void (offset_ms += ms),
        say: (line) => console.log(line),
      },
      payload,
    );
    if (attempts.length !== 3) throw new Error(`The story took ${attempts.length} attempts instead of three.`);
  } finally {
    await server.close(0);
    await world.close();
  }
}
