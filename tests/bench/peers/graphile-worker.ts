import pg from "pg";
import { Logger, run, runMigrations } from "graphile-worker";
import { post, type Work } from "./post.ts";

/** graphile-worker with a local queue and batched completion: what its documentation advises for speed. */
const { count, urls, body } = JSON.parse(process.argv[2]!) as { count: number; urls: string[]; body: string };
const connectionString = process.env.DATABASE_URL!;

await runMigrations({ connectionString });
const database = new pg.Client({ connectionString });
await database.connect();
await database.query(
  `select graphile_worker.add_jobs(array(
     select row('webhook', json_build_object('id', 'dlv_' || n, 'url', ($2::text[])[1 + n % $3], 'body', $4::text), null, null, null, null, null, null)::graphile_worker.job_spec
     from generate_series(0, $1::int - 1) n))`,
  [count, urls, urls.length, body],
);
await database.query("vacuum analyze");
await database.query("checkpoint");

const started = performance.now();
await run({
  preset: {
    worker: {
      connectionString,
      maxPoolSize: Number(process.env.BENCH_POOL ?? 10),
      concurrentJobs: Number(process.env.BENCH_JOBS ?? 64),
      pollInterval: 2000,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
  logger: new Logger(() => () => {}),
  noHandleSignals: true,
  taskList: { webhook: (payload) => post(payload as Work) },
});
const left = "select 1 from graphile_worker._private_jobs limit 1";
while ((await database.query(left)).rowCount !== 0) await new Promise((resolve) => setTimeout(resolve, 5));
process.send!(count / ((performance.now() - started) / 1000), () => process.exit(0));
