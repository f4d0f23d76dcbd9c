import { readFileSync, writeFileSync } from "node:fs";
import { buildDocument } from "../http/document.ts";

/** Writes openapi/openapi.json, or with `--check` says whether it is what the code would write. */
const file = new URL("../../openapi/openapi.json", import.meta.url);
const text = `${JSON.stringify(buildDocument(), null, 2)}\n`;

if (process.argv.includes("--check")) {
  const same = readFileSync(file, "utf8") === text;
  console.log(same ? "openapi/openapi.json is up to date" : "openapi/openapi.json differs from the code: run `npm run openapi`");
  process.exitCode = same ? 0 : 1;
} else {
  writeFileSync(file, text);
}
