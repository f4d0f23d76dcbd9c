import type { ChannelKind, Content } from "../channels/contract.ts";
import type { Charge } from "../usage/charge.ts";
import { smsSegments } from "../usage/sms-segments.ts";
import type { Direction, Sender } from "./contract.ts";

interface Chargeable {
  direction: Direction;
  sender: Sender;
  content: Content;
  /** A person wrote it in the provider's inbox, and not through us. */
  is_foreign?: boolean;
}

/**
 * What a message costs when it is stored, and never again: not when it is retried, and not when it is told of. Each is
 * counted; what is said in a call is paid by the minute, and what did not go through us is free.
 */
export function chargesOf(channel: ChannelKind, { direction, sender, content, is_foreign = false }: Chargeable): Charge[] {
  const is_free = is_foreign || channel === "twilio_voice";
  const message: Charge = { metric: `messages_${direction}`, quantity: 1, is_free };
  if (direction === "inbound" || is_foreign) return [message, ...minutesOf(content)];
  return [
    message,
    ...minutesOf(content),
    ...(content.type === "template" ? [{ metric: "template_messages", quantity: 1 } as const] : []),
    ...(sender.type === "ai_agent" ? [{ metric: "ai_replies", quantity: 1 } as const] : []),
    ...(channel === "twilio_sms" ? [{ metric: "sms_segments", quantity: segmentsOf(content) } as const] : []),
  ];
}

/** Every minute that was begun; a call that nobody took has none. */
export function minutesOf(content: Content): Charge[] {
  const minutes = content.type === "call" ? Math.ceil((content.duration_seconds ?? 0) / 60) : 0;
  return minutes > 0 ? [{ metric: "voice_minutes", quantity: minutes }] : [];
}

/** A file goes as one, whatever is written below it. */
const segmentsOf = (content: Content): number => (content.type === "text" ? smsSegments(content.text) : 1);
