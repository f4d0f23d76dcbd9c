import { channelTables } from "../channels/describe-channels.ts";

/** The guides in openapi/guides that hold tables which the code writes. */
export const guides = ["channels.md"] as const;

/** A guide with each of its marked blocks as the code has it now: `<!-- name -->` … `<!-- /name -->`. */
export function withTables(guide: string): string {
  return guide.replace(/<!-- (\w+) -->\n[^]*?<!-- \/\1 -->/g, (_, name: string) => {
    const write = channelTables[name];
    if (!write) throw new Error(`no table is called ${name}`);
    return `<!-- ${name} -->\n\n${write()}\n\n<!-- /${name} -->`;
  });
}
