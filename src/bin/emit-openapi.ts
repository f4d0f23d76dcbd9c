import { readFileSync, writeFileSync } from "node:fs";
import { buildDocument } from "../http/document.ts";
import { guides, withTables } from "../http/guides.ts";

/** Writes openapi/openapi.json and the tables of the guides, or with `--check` says whether they are what the code would write. */
const at = (file: string) => new URL(`../../openapi/${file}`, import.meta.url);
const read = (file: string): string => readFileSync(at(file), "utf8");

const written: [file: string, text: string][] = [
  ["openapi.json", `${JSON.stringify(buildDocument(), null, 2)}\n`],
  ...guides.map((guide): [string, string] => [`guides/${guide}`, withTables(read(`guides/${guide}`))]),
];

if (process.argv.includes("--check")) {
  const stale = written.filter(([file, text]) => read(file) !== text).map(([file]) => `openapi/${file}`);
  console.log(stale.length === 0 ? "openapi/ is up to date" : `${stale.join(", ")} differs from the code: run \`npm run openapi\``);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const [file, text] of written) writeFileSync(at(file), text);
}
