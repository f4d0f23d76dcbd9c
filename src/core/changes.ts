import { isDeepStrictEqual } from "node:util";

/** Of what is wanted of a row, that which is not so already. What is undefined is not wanted. */
export function changesOf<Row extends object, Wanted extends { [F in keyof Wanted]: F extends keyof Row ? Row[F] | undefined : never }>(
  row: Row,
  wanted: Wanted,
): { [F in keyof Wanted]?: Exclude<Wanted[F], undefined> } {
  const differs = ([field, value]: [string, unknown]) => value !== undefined && !isDeepStrictEqual(value, row[field as keyof Row]);
  return Object.fromEntries(Object.entries(wanted).filter(differs)) as never;
}

/** What an audit row tells of changes: which fields, what they were, and what they are now. */
export function between<Row extends object, Field extends string & keyof Row>(row: Row, changes: Partial<Pick<Row, Field>>) {
  const changed = Object.keys(changes) as Field[];
  return { changed, from: Object.fromEntries(changed.map((field) => [field, row[field]])), to: changes };
}
