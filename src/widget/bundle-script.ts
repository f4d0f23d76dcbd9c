import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

interface Script {
  plain: Uint8Array<ArrayBuffer>;
  gzipped: Uint8Array<ArrayBuffer>;
  etag: string;
}

let made: Promise<Script> | undefined;

/** The visitor's script, of its sources: one file, made when a process is first asked for it, which takes some 20 ms. */
export function bundleScript(): Promise<Script> {
  made ??= bundle().catch((error: unknown) => {
    made = undefined;
    throw error;
  });
  return made;
}

async function bundle(): Promise<Script> {
  // Only now: a start should not wait for what no page has asked for.
  const { build, stop } = await import("esbuild");
  const { outputFiles } = await build({
    entryPoints: [entryPoint()],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    legalComments: "none",
    write: false,
    // Every option stands here: what somebody's tsconfig.json says is another matter.
    tsconfigRaw: {},
  });
  // Its own process is of no more use.
  await stop();
  const plain = new Uint8Array(outputFiles[0]!.contents);
  return {
    plain,
    gzipped: new Uint8Array(gzipSync(plain, { level: 9 })),
    etag: `"${createHash("sha256").update(plain).digest("base64url")}"`,
  };
}

/** Beside this file, or, where this one was compiled, where it came from. */
function entryPoint(): string {
  const beside = fileURLToPath(new URL("browser/main.ts", import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL("../../src/widget/browser/main.ts", import.meta.url));
}
