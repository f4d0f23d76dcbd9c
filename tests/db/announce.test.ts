import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import type { Sleeper } from "../../src/core/context.ts";
import { createAnnouncer } from "../../src/db/announce.ts";
import { connectPostgres, type Bus } from "../../src/db/connect.ts";
import { cloneDatabase, onPostgres } from "../support/database.ts";

/** A bus that two processes share, and what was said on it. */
function createBus() {
  const said: string[] = [];
  const listeners: ((text: string) => void)[] = [];
  const bus: Bus = {
    async say(text) {
      said.push(text);
      for (const listener of listeners) listener(text);
    },
    hear: async (listener) => void listeners.push(listener),
  };
  return { bus, said };
}

const worksOf = (said: string[]) => said.map((text) => text.split(" ").slice(1));
const unheard = (error: unknown) => {
  throw error;
};

describe("announcing", () => {
  test("is heard by the other processes, and not by the one that announces", async () => {
    const { bus } = createBus();
    const [one, other] = [createAnnouncer(bus, unheard), createAnnouncer(bus, unheard)];
    const heard: Record<"one" | "other", Sleeper[]> = { one: [], other: [] };
    await one.hear((work) => heard.one.push(work));
    await other.hear((work) => heard.other.push(work));
    one.announce("webhooks");
    await expect.poll(() => heard).toEqual({ one: [], other: ["webhooks"] });
  });

  test("is done at once, and then fifty times a second at most, of all that came meanwhile", async () => {
    const { bus, said } = createBus();
    const { announce } = createAnnouncer(bus, unheard);
    announce("webhooks");
    expect(worksOf(said)).toEqual([["webhooks"]]);

    const until = performance.now() + 500;
    while (performance.now() < until) {
      for (let n = 0; n < 20; n++) announce(n % 2 ? "webhooks" : "messages");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(said.length).toBeLessThanOrEqual(27);
    expect(said.length).toBeGreaterThan(3);
    expect(
      new Set(
        worksOf(said)
          .slice(1)
          .map((works) => works.toSorted().join(" ")),
      ),
    ).toEqual(new Set(["messages webhooks"]));
  });

  test("of the last that came is never left out", async () => {
    const { bus, said } = createBus();
    const { announce } = createAnnouncer(bus, unheard);
    announce("webhooks");
    announce("messages");
    expect(worksOf(said)).toEqual([["webhooks"]]);
    await expect.poll(() => worksOf(said)).toEqual([["webhooks"], ["messages"]]);
  });

  test("that fails is told of and throws at nobody, and the next is made again", async () => {
    const { bus, said } = createBus();
    const faults: unknown[] = [];
    const broken = { ...bus, say: vi.fn<Bus["say"]>((text) => bus.say(text)).mockRejectedValueOnce(new Error("no connection")) };
    const { announce } = createAnnouncer(broken, (error) => faults.push(error));
    announce("webhooks");
    announce("messages");
    await expect.poll(() => worksOf(said)).toEqual([["messages"]]);
    expect(faults).toEqual([new Error("no connection")]);
  });

  test("waits for a server that does not answer", async () => {
    const said: string[] = [];
    const hanging: Bus = { say: (text) => new Promise(() => said.push(text)), hear: async () => {} };
    const { announce } = createAnnouncer(hanging, unheard);
    for (let n = 0; n < 5; n++) {
      announce("webhooks");
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    expect(said).toHaveLength(1);
  });
});

test.runIf(onPostgres())("two processes of one database hear each other over the server", async () => {
  const template = inject("template");
  if (template.kind !== "postgres") throw new Error("this needs a server");
  const url = await cloneDatabase(template);
  const [one, other] = [connectPostgres(url), connectPostgres(url)];
  onTestFinished(async () => void (await Promise.all([one.close(), other.close()])));
  const heard: Sleeper[] = [];
  const here = createAnnouncer(one.bus!, unheard);
  await createAnnouncer(other.bus!, unheard).hear((work) => heard.push(work));
  await here.hear(unheard);
  here.announce("webhooks");
  await expect.poll(() => heard).toEqual(["webhooks"]);
});
