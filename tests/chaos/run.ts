import { full, scenarios } from "./scenarios.ts";
import { openServer } from "./server.ts";
import { openStage } from "./stage.ts";

/**
 * `npm run chaos`: what the webhooks promise, while what they rest on fails. On a PostgreSQL that the run starts
 * itself, or on the one that CHAOS_DATABASE_URL names.
 */
const server = await openServer(process.env["CHAOS_DATABASE_URL"] || undefined);
const reports: Record<string, { broken: string[] }> = {};
let stage: Awaited<ReturnType<typeof openStage>> | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end().then(() => process.exit(130)));

try {
  console.log(`The database is broken by ${server.blow}.`);
  stage = await openStage(server, ["dist/bin/serve.js"]);
  for (const [name, play] of Object.entries(scenarios)) {
    const started_ms = Date.now();
    const report = await play(stage, full).catch((error: unknown) => ({ broken: [String(error)] }));
    const { broken, ...figures } = (reports[name] = report);
    const seconds = ((Date.now() - started_ms) / 1000).toFixed(0);
    console.log(`${broken.length === 0 ? "held  " : "BROKEN"} ${name} (${seconds} s): ${inWords(figures)}`);
    for (const fault of broken.splice(10).length > 0 ? [...broken, "and more"] : broken) console.log(`       ${fault}`);
  }
} finally {
  await end();
}
const ok =
  Object.keys(reports).length === Object.keys(scenarios).length && Object.values(reports).every(({ broken }) => broken.length === 0);
process.exitCode = ok ? 0 : 1;
console.log(JSON.stringify({ chaos: "webhooks", ok, scenarios: reports }));

async function end(): Promise<void> {
  await stage?.close();
  await server.close();
}

function inWords(figures: object): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
}
