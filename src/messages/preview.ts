import type { Content } from "../channels/contract.ts";

const longest = 120;

/** A message in one line of at most 120 characters (code points), the last of them an ellipsis if it was longer. */
export function previewOf(content: Content): string {
  const text = content.type === "text" ? content.text : (content.caption ?? `[${content.media_type}]`);
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
