import { dispatchMessages } from "./messages/dispatch-messages.ts";
import { Bell } from "./core/bell.ts";
import type { ChoreOptions } from "./core/chore.ts";
import type { Sleeper, Services } from "./core/context.ts";
import { sweepAnswers } from "./idempotency/sweep-answers.ts";
import { closeInactive } from "./conversations/close-inactive.ts";
import { workJobs, type Steps } from "./jobs/work-jobs.ts";
import { sweepRenamings } from "./contacts/renamings.ts";
import { sweepProviderEvents } from "./channels/sweep-provider-events.ts";
import { sweepWindows } from "./rate-limits/sweep-windows.ts";
import { sweepSessions } from "./sessions/revoke-session.ts";
import { replayCanceled, replayFailed, replayMissing } from "./webhooks/replay-deliveries.ts";
import { sumUpUsage } from "./usage/sum-up-usage.ts";
import { sweepEvents } from "./webhooks/sweep-events.ts";
import { syncDueTemplates } from "./templates/sync-templates.ts";
import { dispatchDeliveries } from "./dispatch/dispatch-deliveries.ts";

type Chore = (services: Services, options: ChoreOptions) => Promise<object>;

/** What each kind of job does in a step. */
const steps: Steps = { replay_failed: replayFailed, replay_canceled: replayCanceled, replay_missing: replayMissing };

/** Every kind of background work, by the name of its cron route. */
export const chores = {
  messages: dispatchMessages,
  webhooks: dispatchDeliveries,
  templates: syncDueTemplates,
  inactivity: closeInactive,
  jobs: (services, options) => workJobs(services, steps, options),
  sweep: sweepAll,
} as const satisfies Record<string, Chore>;

export type ChoreName = keyof typeof chores;

/** What is old goes, and what is new is added up. */
const sweeps: ((services: Services) => Promise<object>)[] = [
  (services) => services.tally.write().then(() => ({})),
  async (services) => ({ windows: await sweepWindows(services) }),
  async (services) => ({ answers: await sweepAnswers(services) }),
  async (services) => ({ sessions: await sweepSessions(services) }),
  async (services) => ({ told: await sweepProviderEvents(services) }),
  async (services) => ({ renamings: await sweepRenamings(services) }),
  sweepEvents,
  async (services) => ({ charges: await sumUpUsage(services) }),
];

/** Each for itself: one that fails every time must not keep the others from being done. The failure is told when all had their turn. */
async function sweepAll(services: Services, { signal }: ChoreOptions): Promise<object> {
  const report = {};
  /** By what they say: the same fault in each part is one. */
  const faults = new Map<string, unknown>();
  for (const sweep of sweeps) {
    if (signal?.aborted) break;
    await sweep(services).then(
      (part) => Object.assign(report, part),
      (fault: unknown) => void faults.set(String(fault), fault),
    );
  }
  const [first, ...others] = faults.values();
  for (const err of others) services.log.error({ err, chore: "sweep" }, "a part of a chore failed");
  if (first !== undefined) throw first;
  return report;
}

/** How often each is looked at where nobody wakes it. */
export const poll_ms: Record<ChoreName, number> = {
  messages: 250,
  webhooks: 250,
  jobs: 250,
  templates: 5000,
  inactivity: 10_000,
  sweep: 60_000,
};

export interface Scheduler {
  /** Rows are waiting: look now instead of at the next poll. */
  wake: (whom: Sleeper) => void;
  /** Lets what is under way end, gives back what was taken and not begun, and starts nothing more. */
  stop: () => Promise<void>;
}

/** Does every chore in this process: after its pause, or as soon as it is woken. */
export function startScheduler(services: Services): Scheduler {
  const stopping = new AbortController();
  const { signal } = stopping;
  const bells = new Map((Object.keys(chores) as ChoreName[]).map((name) => [name, new Bell()]));

  const loops = Array.from(bells, async ([name, bell]) => {
    while (!signal.aborted) {
      // Nobody waits for a run's end: it may go on for as long as there is work.
      await chores[name](services, { budget_ms: Infinity, signal, bell }).catch((error: unknown) =>
        services.log.error({ err: error, chore: name }, "a chore failed"),
      );
      if (!signal.aborted) await bell.heard(poll_ms[name]);
    }
  });

  return {
    wake: (whom) => bells.get(whom as ChoreName)?.ring(),
    async stop() {
      stopping.abort();
      for (const bell of bells.values()) bell.ring();
      await Promise.all(loops);
    },
  };
}
