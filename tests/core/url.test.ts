import { expect, test } from "vitest";
import { urlOf } from "../../src/core/url.ts";

test("a name with letters of its country is a URL, also when it has been asked for a hundred thousand times", () => {
  const refused = Array.from({ length: 100_000 }, () => urlOf("https://bücher.example/a?b=ü")).filter((url) => url === undefined);
  expect(refused).toHaveLength(0);
  expect(urlOf("https://bücher.example/a")?.href).toBe("https://xn--bcher-kva.example/a");
  expect(urlOf("https://مثال.example/")?.hostname).toBe("xn--mgbh0fb.example");
});

test.each(["", "shop.example", "https://", "https://exa mple", "http://[::1"])("%j is none", (text) => {
  expect(urlOf(text)).toBeUndefined();
});
