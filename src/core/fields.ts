import { z } from "zod";
import { noSuch } from "./errors.ts";
import { isId, prefixes, type Id, type Prefix } from "./ids.ts";
import { exampleId, story } from "./story.ts";

/** The words every contract is made of. */

export const idField = <P extends Prefix>(prefix: P): z.ZodType<Id<P>, Id<P>> =>
  z
    .string()
    .refine((text) => isId(prefix, text), { error: noSuch("").detail, params: { code: noSuch("").code } })
    .meta({
      description: `Id of the ${prefixes[prefix]}: a TypeID, \`${prefix}_\` and 26 characters.`,
      pattern: `^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`,
      examples: [exampleId(prefix)],
    }) as unknown as z.ZodType<Id<P>, Id<P>>;

/** A filter by id that can also ask for what has none. */
export const idOrNoneField = <P extends Prefix>(prefix: P): z.ZodType<Id<P> | "none", Id<P> | "none"> =>
  z
    .string()
    .refine((text) => text === "none" || isId(prefix, text), { error: noSuch("").detail, params: { code: noSuch("").code } })
    .meta({
      description: `Id of the ${prefixes[prefix]}; or \`none\`: only what has none.`,
      pattern: `^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$|^none$`,
      examples: [exampleId(prefix)],
    }) as unknown as z.ZodType<Id<P> | "none", Id<P> | "none">;

/** Text, counted in characters (code points) as JSON Schema counts; zod's own `max` counts UTF-16 units, two for an emoji. */
export const textField = (max: number, text: z.ZodString = z.string()) =>
  text
    .refine((given) => given.length <= max || [...given].length <= max, {
      error: `Must have at most ${max} characters.`,
      params: { code: "too_large" },
    })
    .meta({ maxLength: max });

export const Timestamp = z.string().meta({ format: "date-time", description: "RFC 3339, UTC, milliseconds.", examples: [story.asked_at] });

const rfc3339 = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-](0\d|1[0-5]):[0-5]\d)$/;

/** An instant a client sends, between the years 1970 and 9999. PostgreSQL knows no offset of 16 hours and more. */
export const Moment = z
  .string()
  .refine((text) => rfc3339.test(text) && text >= "1970" && isRealDay(text), {
    error: "Must be an RFC 3339 date and time, such as 2026-11-22T10:15:12Z.",
    params: { code: "invalid_timestamp" },
  })
  .meta({
    format: "date-time",
    description: "RFC 3339 date and time, between the years 1970 and 9999. A bound of a filter is exclusive.",
    examples: ["2026-11-22T10:15:12Z"],
  });

/** The 31st of February passes a pattern but not the calendar. */
function isRealDay(text: string): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(5, 7)), Number(text.slice(8, 10))];
  return day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

export const metadata_keys_at_most = 50;

const fewKeys = (metadata: Record<string, unknown>): boolean => Object.keys(metadata).length <= metadata_keys_at_most;
const too_many_keys = { error: `Must have at most ${metadata_keys_at_most} keys.`, params: { code: "too_large" } };

/** Free keys and values of the client's own; kept, never read. */
export const Metadata = z
  .record(textField(40, z.string().min(1)), textField(500))
  .refine(fewKeys, too_many_keys)
  .meta({
    maxProperties: metadata_keys_at_most,
    description: "Your own keys and values: at most 50, names of up to 40 characters, values of up to 500. They are kept and never read.",
    examples: [{ order_id: "A-1007" }],
  });

/** A merge patch of metadata (RFC 7396): a key that is null is removed. */
export const MetadataPatch = z
  .record(textField(40, z.string().min(1)), textField(500).nullable())
  .refine(fewKeys, too_many_keys)
  .meta({
    maxProperties: metadata_keys_at_most,
    description: "Merged into the present metadata: a key that is null is removed.",
    examples: [{ order_id: "A-1007" }],
  });

/** A filter by some of the words there are. */
export const several = <T extends Readonly<Record<string, string>>>(word: z.ZodEnum<T>) =>
  z
    .array(word)
    .overwrite((words) => [...new Set(words)])
    .min(1)
    .meta({ description: "One or more; repeat the parameter." })
    .optional();

export const pageInput = {
  limit: z.number().int().min(1).max(100).default(20).meta({ description: "How many rows to return." }),
  cursor: z.string().max(1000).meta({ description: "`next_cursor` of the previous page; the filters must stay the same." }).optional(),
  include_total: z
    .boolean()
    .meta({ description: "Adds `total_count`. Every matching row is counted, so ask for it once and not on each page." })
    .optional(),
};

const ListName = z.literal("list");

/** Whether an answer is a page of a list, as `listOf` makes them. */
export const isList = (output: z.ZodType): boolean => output instanceof z.ZodObject && output.shape["object"] === ListName;

/** A page of what the item's own examples are, newest first; a feed is never at its end. */
export const listOf = <T extends z.ZodType>(item: T, id: string, next_cursor: string | null = null) =>
  z
    .object({
      object: ListName,
      data: z.array(item).meta({ description: "The rows of this page." }),
      has_more: z.boolean().meta({
        description:
          "Whether there may be more rows behind this page now. A page whose filters are met by few of very many rows can then have fewer than `limit`, even none: the rest is on the next ones.",
      }),
      next_cursor: z.string().nullable().meta({
        description: "Pass it as `cursor` to get the next page; null on the last page. A feed always has one: keep it and ask again later.",
      }),
      total_count: z.number().int().optional().meta({ description: "How many rows match on all pages; only with `include_total=true`." }),
    })
    .meta({ id, description: "One page.", examples: [{ object: "list", data: item.meta()?.["examples"], has_more: false, next_cursor }] });
