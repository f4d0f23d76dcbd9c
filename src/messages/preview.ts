import type { Content } from "../channels/contract.ts";

const longest = 120;

/** What was written; null of what carries no words. */
export function textOf(content: Content): string | null {
  if (content.type === "text" || content.type === "template") return content.text;
  return content.type === "media" ? content.caption : null;
}

/** What it is: null for plain text. */
export function kindOf(content: Content): string | null {
  if (content.type === "text" || content.type === "template") return null;
  return content.type === "media" ? content.media_type : content.type;
}

/** A message in one line of at most 120 characters (code points), the last of them an ellipsis if it was longer. */
export function previewOf(content: Content): string {
  const text = textOf(content) ?? `[${kindOf(content)}]`;
  const line = text.replaceAll(/\s+/g, " ").trim();
  return lengthOf(line) <= longest ? line : `${cut(line, longest - 1)}…`;
}

/** Between what a reader takes for characters: a family of emoji stays together, an Arabic letter keeps its marks. */
function cut(line: string, max: number): string {
  let kept = "";
  let length = 0;
  for (const { segment } of graphemes.segment(line)) {
    length += lengthOf(segment);
    if (length > max) break;
    kept += segment;
  }
  return kept;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const lengthOf = (text: string): number => [...text].length;
