import { dispatchMessages } from "./messages/dispatch-messages.ts";
import type { Services, Work } from "./core/context.ts";
import { sweepAnswers } from "./idempotency/sweep-answers.ts";
import { workJobs } from "./jobs/work-jobs.ts";
import { sweepWindows } from "./rate-limits/sweep-windows.ts";
import { replayFailed, replayMissing } from "./webhooks/replay-deliveries.ts";
import { sweepEvents } from "./webhooks/sweep-events.ts";
import { dispatchDeliveries } from "./webhooks/dispatch-deliveries.ts";

type Chore = (services: Services, options: { budget_ms: number }) => Promise<object>;

/** Every kind of background work, by the name of its cron route. */
export const chores = {
  messages: dispatchMessages,
  webhooks: dispatchDeliveries,
  jobs: (services, options) => workJobs(services, { replay_failed: replayFailed, replay_missing: replayMissing }, options),
  sweep: async (services) => ({
    windows: await sweepWindows(services),
    answers: await sweepAnswers(services),
    ...(await sweepEvents(services)),
  }),
} as const satisfies Record<string, Chore>;

export type ChoreName = keyof typeof chores;

const budget_ms = 25_000;
const poll_ms: Record<ChoreName, number> = { messages: 250, webhooks: 250, jobs: 250, sweep: 60_000 };

export interface Scheduler {
  /** Rows are waiting: look now instead of at the next poll. */
  wake: (work: Work) => void;
  /** Lets what is running end, and starts nothing more. */
  stop: () => Promise<void>;
}

/** Does every chore in this process: after its pause, or as soon as it is woken. */
export function startScheduler(services: Services): Scheduler {
  let stopping = false;
  const bells = new Map<ChoreName, () => void>();

  const loops = (Object.keys(chores) as ChoreName[]).map(async (name) => {
    while (!stopping) {
      // Armed before the chore looks: what is written while it runs rings for the next round.
      const pause = woken(name);
      await chores[name](services, { budget_ms }).catch((error: unknown) =>
        services.log.error({ err: error, chore: name }, "a chore failed"),
      );
      await pause;
    }
  });

  function woken(name: ChoreName): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, poll_ms[name]);
      bells.set(name, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  return {
    wake: (work) => bells.get(work)?.(),
    async stop() {
      stopping = true;
      for (const ring of bells.values()) ring();
      await Promise.all(loops);
    },
  };
}
