import { messagingChannel } from "./meta-messaging.ts";
import { metaId } from "./meta.ts";

/** Instagram messages. https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/messaging-api */
export const instagram = messagingChannel({
  account: metaId("The professional account's id, as Instagram's webhooks name it."),
  kind: "instagram_user",
  host: "instagram_graph_url",
  name_field: "username",
  files: { image: "image", video: "video", audio: "audio" },
  answer: {},
});
