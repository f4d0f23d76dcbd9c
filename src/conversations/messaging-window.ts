import { capabilities, contentTypes } from "../channels/capabilities.ts";
import type { ChannelKind, ContentType } from "../channels/contract.ts";
import { after, hours, type Timestamp } from "../core/time.ts";
import type { MessagingWindow } from "./contract.ts";

/** Meta lets a business write freely for 24 hours after a person's own message, and a person of the business for 7 days. */
const window_ms = hours(24);
const human_agent_ms = hours(7 * 24);

/** The window as it stands now; it hangs on the contact's last message on the channel, not on a conversation. */
export function messagingWindow(channel: ChannelKind, last_inbound_at: Timestamp | null, now: Timestamp): MessagingWindow {
  const { window, human_agent, templates } = capabilities[channel];
  const allowed_types = contentTypes(channel);
  const when_closed: ContentType[] = templates ? ["template"] : [];
  if (!window) return { state: "not_applicable", expires_at: null, allowed_types };
  if (last_inbound_at === null) return { state: "closed", expires_at: null, allowed_types: when_closed };

  const free_until = after(last_inbound_at, window_ms);
  if (free_until > now) return { state: "open", expires_at: free_until, allowed_types };
  const last_until = human_agent ? after(last_inbound_at, human_agent_ms) : free_until;
  if (last_until > now) return { state: "human_agent_only", expires_at: last_until, allowed_types };
  return { state: "closed", expires_at: last_until, allowed_types: when_closed };
}
