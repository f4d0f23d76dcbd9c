import { capabilities } from "../channels/capabilities.ts";
import type { ChannelKind } from "../channels/contract.ts";
import { after, hours, type Timestamp } from "../core/time.ts";
import type { MessagingWindow } from "./contract.ts";

/** Meta lets a business write freely for 24 hours after a person's own message. */
const window_ms = hours(24);

/** The window as it stands now; it hangs on the contact's last message on the channel, not on a conversation. */
export function messagingWindow(channel: ChannelKind, last_inbound_at: Timestamp | null, now: Timestamp): MessagingWindow {
  const { window, content_types } = capabilities[channel];
  if (!window) return { state: "not_applicable", expires_at: null, allowed_types: [...content_types] };
  const expires_at = last_inbound_at && after(last_inbound_at, window_ms);
  const open = expires_at !== null && expires_at > now;
  return { state: open ? "open" : "closed", expires_at, allowed_types: open ? [...content_types] : [] };
}
