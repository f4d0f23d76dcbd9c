import { z } from "zod";
import { textField } from "../core/fields.ts";

/** What somebody types to find something. */
export const SearchText = textField(200, z.string().trim())
  .refine((text) => /[\p{L}\p{N}]/u.test(text), { error: "Must have a letter or a digit.", params: { code: "too_small" } })
  .meta({
    minLength: 1,
    description:
      "Words to search for, with a letter or a digit: all of them must occur; of the last word the beginning is enough. Case, accents, Arabic vowels and the Arabic article make no difference. A phone number is found by its last digits.",
    examples: ["Sara refund"],
  });
