import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

/** Everything that must be green before a change is proposed. */
const steps: [name: string, command: string][] = [
  ["check", "npm run check"],
  ["test on PGlite", "env -u TEST_DATABASE_URL npm test"],
  ["test on PostgreSQL", "npm test"],
  ["build", "npm run build"],
  ["drift of openapi", "npm run openapi -- --check"],
  // Generated into a copy, which must come out as it went in. drizzle-kit takes only relative folders.
  [
    "drift of drizzle",
    `copy=node_modules/.cache/drizzle && rm -rf $copy && mkdir -p $copy && cp -R drizzle/. $copy &&
     drizzle-kit generate --dialect postgresql --schema './src/*/tables.ts' --out $copy && diff -r drizzle $copy`,
  ],
  ["lint by redocly", "redocly lint openapi/openapi.json --extends recommended-strict"],
  ["lint by spectral", "spectral lint openapi/openapi.json --ruleset tests/support/spectral.json --fail-severity hint"],
];

/** No tool reports home. */
const env: NodeJS.ProcessEnv = {
  ...process.env,
  REDOCLY_TELEMETRY: "off",
  REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
  SCARF_ANALYTICS: "false",
};

/** `--except test` leaves out the steps whose name begins so. */
const { except } = parseArgs({ options: { except: { type: "string" } } }).values;

const red = steps.filter(([name, command]) => !passes(name, command)).map(([name]) => name);
console.log(red.length === 0 ? "\nverified" : `\nred: ${red.join(", ")}`);
process.exitCode = red.length === 0 ? 0 : 1;

function passes(name: string, command: string): boolean {
  if (except !== undefined && name.startsWith(except)) return true;
  process.stdout.write(name.padEnd(20));
  if (name === "test on PostgreSQL" && !env["TEST_DATABASE_URL"]) {
    console.log("not run: TEST_DATABASE_URL is not set");
    return true;
  }
  const started = performance.now();
  const { status, stdout } = spawnSync(`{ ${command}\n} 2>&1`, {
    shell: true,
    stdio: ["ignore", "pipe", "inherit"],
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? "green" : "red  "} ${seconds.padStart(6)} s`);
  if (status !== 0) console.log(`\n${stdout}`);
  return status === 0;
}
