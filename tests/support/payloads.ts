import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "vitest";

/** Recorded provider payloads live outside the project: `PAYLOADS_DIR`, or `../shared/payloads` beside it. */
const payloads_dir = process.env["PAYLOADS_DIR"] ?? fileURLToPath(new URL("../../../shared/payloads", import.meta.url));

export interface Recording {
  /** The file's name without its ending. */
  name: string;
  raw: Uint8Array;
}

/** Every recording of a folder such as `whatsapp/inbound`. Throws when the recordings are not here. */
export const recorded = (folder: string): Recording[] =>
  readdirSync(join(payloads_dir, folder))
    .toSorted()
    .map((file) => ({ name: basename(file).replace(/\.(json|form)$/, ""), raw: readFileSync(join(payloads_dir, folder, file)) }));

export const recording = (folder: string, name: string): Uint8Array => {
  const found = recorded(folder).find((file) => file.name === name);
  if (!found) throw new Error(`no recording ${name} in ${folder}`);
  return found.raw;
};

/** A test that reads recordings. Without them it is reported as skipped, except under CI, where it fails. */
export const recordedTest = existsSync(payloads_dir) || process.env["CI"] ? test : test.skip;

/** The providers' own specifications lie beside them. */
const specifications_dir = join(payloads_dir, "..", "provider-specs");

export const specificationFile = (name: string): string => join(specifications_dir, `${name}.json`);
export const specification = (name: string): unknown => JSON.parse(readFileSync(specificationFile(name), "utf8"));

/** The same for a test that reads a specification. */
export const specifiedTest = existsSync(specifications_dir) || process.env["CI"] ? test : test.skip;
