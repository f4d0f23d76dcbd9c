import { handshake, verify } from "./meta.ts";
import { human_agent, parseMessaging, sendMessaging } from "./meta-messaging.ts";
import type { Provider } from "./provider.ts";

/** The messages of a Facebook Page, by Messenger. https://developers.facebook.com/docs/messenger-platform/reference/send-api */
export const facebook_page: Provider = {
  reaches: ["page_user"],
  handshake,
  verify,
  parse: (raw, received_at) => parseMessaging("page_user", raw, received_at),
  send: (outbound, credentials, world) =>
    sendMessaging(
      {
        graph_url: world.settings.meta_graph_url,
        kind: "page_user",
        files: { image: "image", video: "video", audio: "audio", document: "file" },
        about: outbound.as_human_agent ? human_agent : { messaging_type: "RESPONSE" },
      },
      outbound,
      credentials,
      world,
    ),
};
