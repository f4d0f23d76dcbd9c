import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

test("what is served needs no package that is there for development alone", () => {
  const { dependencies } = JSON.parse(readFileSync(at("package.json"), "utf8")) as { dependencies: Record<string, string> };
  const needed = readdirSync(at("src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [...readFileSync(at(`src/${file}`), "utf8").matchAll(/ from "((?:@[^/"]+\/)?[^./"][^/":]*)["/]/g)])
    .map(([, name]) => name!);
  expect(needed).toContain("zod");
  expect(needed.filter((name) => !(name in dependencies))).toEqual([]);
});
