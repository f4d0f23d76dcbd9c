import { webAddress } from "../channels/providers/read.ts";
import { previewOf } from "../messages/preview.ts";
import type { MessageRow } from "../messages/present.ts";
import type { VisitorMessage } from "./contract.ts";

/** A message as its visitor may see it: neither whose key wrote it, nor anything that the team keeps beside it. */
export function presentToVisitor({ id, direction, sender, content, client_reference, read_at, created_at }: MessageRow): VisitorMessage {
  const inbound = direction === "inbound";
  return {
    id,
    object: "message",
    from: inbound ? "visitor" : sender.type === "ai_agent" ? "assistant" : "team",
    name: nameOf(sender),
    content: shown(content),
    client_reference: inbound ? client_reference : null,
    read_at,
    created_at,
  };
}

/** A key's name, or the system's, is nobody whom a visitor talks to. */
function nameOf({ type, name }: MessageRow["sender"]): string | null {
  if (type === "ai_agent") return name;
  return type === "team_member" ? (name?.trim().split(/\s+/)[0] ?? null) : null;
}

function shown(content: MessageRow["content"]): VisitorMessage["content"] {
  if (content.type === "media") return { ...content, url: webAddress(content.url) };
  return { type: "text", text: content.type === "text" ? content.text : previewOf(content) };
}
