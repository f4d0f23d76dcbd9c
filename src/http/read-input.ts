import type { z } from "zod";
import { invalid } from "../core/errors.ts";
import { assertPlainText, faultsOf } from "../core/faults.ts";

/** What was given, by its contract; or every fault of it, in the words in which operations tell theirs. */
export function readInput<I extends z.ZodType>(contract: I, given: unknown): z.output<I> {
  assertPlainText(given);
  const parsed = contract.safeParse(given);
  if (!parsed.success) throw invalid(...faultsOf(parsed.error, given));
  return parsed.data;
}
