import { z } from "zod";
import { appCredentials, handshake, metaId, verify } from "./meta.ts";
import { human_agent, parseMessaging, probeAccount, sendMessaging } from "./meta-messaging.ts";
import type { Provider } from "./provider.ts";

/** Instagram messages. https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api */
export const instagram: Provider = {
  account: metaId("The professional account's id, as Instagram's webhooks name it."),
  credentials: z.strictObject(appCredentials),
  reaches: ["instagram_user"],
  door: "meta",
  handshake,
  verify,
  parse: (raw, received_at) => parseMessaging("instagram_user", raw, received_at),
  send: (outbound, credentials, world) =>
    sendMessaging(
      {
        graph_url: world.settings.instagram_graph_url,
        kind: "instagram_user",
        files: { image: "image", video: "video", audio: "audio" },
        about: outbound.as_human_agent ? human_agent : {},
      },
      outbound,
      credentials,
      world,
    ),
  probe: (account_id, credentials, world) => probeAccount(world.settings.instagram_graph_url, "username", account_id, credentials, world),
};
