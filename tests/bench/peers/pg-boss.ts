import pg from "pg";
import { PgBoss } from "pg-boss";
import { post, type Work } from "./post.ts";

/** pg-boss in batches, fetching on while they come back full: what its documentation advises for a backlog. */
const { count, urls, body } = JSON.parse(process.argv[2]!) as { count: number; urls: string[]; body: string };
const batchSize = Number(process.env.BENCH_BATCH ?? 500);
const localConcurrency = Number(process.env.BENCH_WORKERS ?? 2);
const queue = "webhooks";

const connectionString = process.env.DATABASE_URL!;
const boss = new PgBoss({ connectionString, max: 10, schedule: false, supervise: false });
boss.on("error", (error) => {
  throw error;
});
await boss.start();
await boss.createQueue(queue);
for (let from = 0; from < count; from += 2000) {
  const jobs = Array.from({ length: Math.min(2000, count - from) }, (_, i) => ({
    data: { id: `dlv_${from + i}`, url: urls[(from + i) % urls.length]!, body } satisfies Work,
  }));
  await boss.insert(queue, jobs);
}
const database = new pg.Client({ connectionString });
await database.connect();
await database.query("vacuum analyze");
await database.query("checkpoint");

const started = performance.now();
await boss.work<Work>(queue, { batchSize, localConcurrency, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }, async (jobs) => {
  await Promise.all(jobs.map(({ data }) => post(data)));
});
const left = "select 1 from pgboss.job where name = $1 and state <> 'completed' limit 1";
while ((await database.query(left, [queue])).rowCount !== 0) await new Promise((resolve) => setTimeout(resolve, 5));
process.send!(count / ((performance.now() - started) / 1000), () => process.exit(0));
