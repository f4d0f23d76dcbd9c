import { z } from "zod";
import { appCredentials, handshake, metaId, verify } from "./meta.ts";
import { human_agent, parseMessaging, probeAccount, sendMessaging } from "./meta-messaging.ts";
import type { Provider } from "./provider.ts";

/** The messages of a Facebook Page, by Messenger. https://developers.facebook.com/docs/messenger-platform/reference/send-api */
export const facebook_page: Provider = {
  account: metaId("The Page's id: Page → About → Page transparency."),
  credentials: z.strictObject(appCredentials),
  reaches: ["page_user"],
  door: "meta",
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
  probe: (account_id, credentials, world) => probeAccount(world.settings.meta_graph_url, "name", account_id, credentials, world),
};
