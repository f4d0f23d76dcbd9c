import { inject, afterAll, beforeAll, describe, expect, test } from "vitest";
import { cloneDatabase, onPostgres } from "../support/database.ts";
import { scenarios, short } from "./scenarios.ts";
import { strikable } from "./server.ts";
import { openStage, type Stage } from "./stage.ts";

/** `npm run chaos` plays the same at full length, and on a server that it can restart. */
describe.runIf(onPostgres())("nothing is lost, stuck, altered or invented while", { timeout: 120_000 }, () => {
  let stage: Stage;
  beforeAll(async () => {
    const template = inject("template");
    if (template.kind !== "postgres") throw new Error("this needs a server");
    stage = await openStage(strikable(await cloneDatabase(template)), ["--import", "tsx", "src/bin/serve.ts"]);
  }, 120_000);
  afterAll(() => stage.close());

  test.for(Object.entries(scenarios))("%s", async ([, play]) => {
    expect((await play(stage, short)).broken).toEqual([]);
  });
});
