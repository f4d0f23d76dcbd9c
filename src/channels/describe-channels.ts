import { ChannelKind, type MediaType } from "./contract.ts";
import { presentCapabilities } from "./present.ts";
import { providers } from "./providers/all.ts";

/** What the code says of channels, as tables of Markdown: the guide's own, so that it cannot say anything else. */
export const channelTables: Record<string, () => string> = { capabilities: capabilityMatrix, credentials: credentialTable };

const files: readonly MediaType[] = ["image", "video", "audio", "document", "sticker"];

/** One line for each channel. */
function capabilityMatrix(): string {
  const rows = ChannelKind.options.map((channel) => {
    const { text_limit, media, messaging_window, human_agent, templates } = presentCapabilities(channel);
    const captionOf = (kind: MediaType) => {
      const limit = media.find(({ media_type }) => media_type === kind)?.caption_limit;
      return limit === undefined ? "–" : limit === 0 ? "yes" : `yes, caption to ${limit}`;
    };
    const window = messaging_window ? "24 hours" : "none";
    const text = `to ${text_limit.max} ${text_limit.unit}`;
    const addressed_by = providers[channel].reaches.map((kind) => `\`${kind}\``).join(" or ");
    return [`\`${channel}\``, addressed_by, text, ...files.map(captionOf), window, human_agent ? "7 days" : "–", templates ? "yes" : "–"];
  });
  return table(["channel", "`to.kind`", "text", ...files, "window", "`human_agent`", "templates"], rows);
}

/** One line for each field of each provider. */
function credentialTable(): string {
  const rows = Object.entries(providers).flatMap(([name, { account, credentials }]) => [
    [`\`${name}\``, "`account_id`", account.description ?? ""],
    ...Object.entries(credentials.shape).map(([field, { description }]) => ["", `\`${field}\``, description ?? ""]),
  ]);
  return table(["provider", "field", "what it is, and where it is found"], rows);
}

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
