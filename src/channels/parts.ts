/**
 * A message with several files is one message for each: the first has the provider's id, the others have it and their number.
 * Whoever takes it back names the provider's id alone.
 */
export const partOf = (whole: string, n: number): string => `${whole}#${n}`;
export const wholeOf = (external_id: string): string => external_id.replace(/#\d+$/, "");
