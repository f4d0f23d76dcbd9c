import type { Identity } from "../contract.ts";
import { at, readJson, textAt } from "./read.ts";

/** The reading of what Twilio posts. */

/** The fields of a form, or of the JSON that some of Twilio's products send instead. */
export function readForm(said: string): unknown {
  return said.startsWith("{") ? readJson(said) : Object.fromEntries(new URLSearchParams(said));
}

/** `SM…`, `CA…`: two letters and some more. Whatever else stands in its place is no id. */
export function sidAt(form: unknown, ...path: string[]): string | null {
  const sid = textAt(form, ...path);
  return sid !== null && /^[A-Z]{2}\w{1,62}$/.test(sid) ? sid : null;
}

export function secondsAt(form: unknown, name: string): number | null {
  const said = textAt(form, name) ?? "";
  return /^\d{1,7}$/.test(said) ? Number(said) : null;
}

export const has = (form: unknown, name: string): boolean => at(form, name) !== undefined;

/** Twilio sends a phone number with its plus sign, a short code without. */
export function phoneOf(said: string | null): Identity | null {
  const value = /^\+?(\d{5,15})$/.exec(said ?? "")?.[1];
  return value ? { kind: "phone", value } : null;
}

/** A value of the query of the hook's URL, which is ours and signed. */
export const inQuery = (url: string | undefined, name: string): string | null => (url ? new URL(url).searchParams.get(name) : null);
