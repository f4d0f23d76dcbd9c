import { expect, test } from "vitest";
import { createVault } from "../../src/core/vault.ts";
import { cookieOf, ownOrigins, readCookie, writeCookie } from "../../src/sessions/cookie.ts";
import { createWorld } from "../support/world.ts";

const older = "an older master key of at least thirty-two characters";
const newer = "a newer master key of at least thirty-two characters";

test("a cookie that an older master key signed opens until that key is gone", async () => {
  const { settings } = (await createWorld()).services;
  const under = (...keys: string[]) => ({ settings, vault: createVault(keys) });
  const cookie = writeCookie(under(older), "a-token");
  expect(readCookie(under(older), cookie)).toBe("a-token");
  expect(readCookie(under(newer, older), `theme=dark; ${cookie}; lang=ar`)).toBe("a-token");
  expect(readCookie(under(newer), cookie)).toBeUndefined();
});

test.each(["", "Zm9yZ2Vk", "é".repeat(44), "A".repeat(44)])("a cookie signed %j opens nothing", async (signature) => {
  const { settings } = (await createWorld()).services;
  const cookies = { settings, vault: createVault([newer]) };
  const forged = `${cookieOf(settings).name}=${encodeURIComponent(`a-token.${signature}`)}`;
  expect(readCookie(cookies, forged)).toBeUndefined();
});

test.each([
  ["https://api.wassla.example", "__Host-wassla_session", true, ["https://api.wassla.example"]],
  ["https://api.wassla.example:8443", "__Host-wassla_session", true, ["https://api.wassla.example:8443"]],
  ["http://api.wassla.example", "__Host-wassla_session", true, ["http://api.wassla.example"]],
  ["http://127.0.0.1:3000", "wassla_session", false, ["http://127.0.0.1:3000", "http://localhost:3000"]],
  ["http://localhost", "wassla_session", false, ["http://localhost", "http://127.0.0.1"]],
])("at %s the cookie is %s, Secure: %s", async (public_url, name, secure, origins) => {
  const { settings } = (await createWorld({ settings: { public_url } })).services;
  expect(cookieOf(settings)).toEqual({ name, secure });
  expect(ownOrigins(settings)).toEqual(origins);
});
