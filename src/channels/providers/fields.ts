import { z } from "zod";
import { textField } from "../../core/fields.ts";

/** The words that credentials are made of. What is pasted often has blanks around it. */

export const secretField = (description: string, max = 2000) => textField(max, z.string().trim().min(1)).meta({ description });

/** A token that goes into a header. */
export const tokenField = (description: string) =>
  z
    .string()
    .trim()
    .max(2000)
    .regex(/^[\x21-\x7e]+$/, "Must be printable ASCII without blanks")
    .meta({ description });

/** Who gives another is told what is wanted, and where it is found. */
export const idOfForm = (form: RegExp, description: string, example: string, words = `of a form such as ${example}`) =>
  z
    .string()
    .trim()
    .max(100)
    .regex(form, `Must be ${words}. ${description}`)
    .meta({ description, examples: [example] });

export const mayBeLeftOut = <T extends z.ZodType>(field: T) =>
  field.optional().meta({ description: `${field.description} May be left out.` });
