import { messagingChannel } from "./meta-messaging.ts";
import { metaId } from "./meta.ts";

/** The messages of a Facebook Page, by Messenger. https://developers.facebook.com/docs/messenger-platform/reference/send-api */
export const facebook_page = messagingChannel({
  account: metaId("The Page's id: Page → About → Page transparency."),
  kind: "page_user",
  host: "meta_graph_url",
  name_field: "name",
  files: { image: "image", video: "video", audio: "audio", document: "file" },
  answer: { messaging_type: "RESPONSE" },
});
