import { accessSync, constants } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { onTestFinished } from "vitest";

const isRunnable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The browser of this machine: `CHROMIUM_PATH`, or the first in `PATH`. */
function findChromium(): string | undefined {
  const { CHROMIUM_PATH, PATH = "" } = process.env;
  const found = PATH.split(delimiter).flatMap((folder) =>
    ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name)),
  );
  return [...(CHROMIUM_PATH ? [CHROMIUM_PATH] : []), ...found].find(isRunnable);
}

const executable = findChromium();

/** Without a browser its tests are reported as skipped; where the whole is judged, they fail. */
export const must_skip = executable === undefined && process.env["CI"] !== "true";

export async function launch(): Promise<Browser> {
  if (executable === undefined) throw new Error("There is no Chromium: install it, or name it in CHROMIUM_PATH.");
  // As root, which CI is, the sandbox does not start. What is loaded is our own.
  return chromium.launch({ executablePath: executable, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A website on an origin of its own, with one page, as strict as websites are. */
export async function serveSite(bodyOf: () => string, policy: string): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url !== "/") return void response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy });
    response.end(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title></head><body>${bodyOf()}</body></html>`);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${(server.address() as AddressInfo).port}`;
}
