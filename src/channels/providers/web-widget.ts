import { z } from "zod";
import { textField } from "../../core/fields.ts";
import { urlOf } from "../../core/url.ts";
import { refused, type Provider } from "./provider.ts";

const Origin = z
  .string()
  .max(300)
  .refine((text) => originOf(text) !== undefined, {
    error: "Must be the origin of a website, such as https://shop.example, and no pattern.",
    params: { code: "invalid_origin" },
  })
  .overwrite((text) => originOf(text) ?? text)
  .meta({ description: "Scheme, host and, where it is not the usual one, port.", examples: ["https://shop.example"] });

/** What a channel of this provider is given. */
export const WebWidgetCredentials = z.strictObject({
  allowed_origins: z
    .array(Origin)
    .min(1)
    .max(50)
    .meta({ description: "The websites whose pages may show the widget. There is no wildcard: every one is named." }),
  identity_secret: textField(200, z.string().min(32)).meta({
    description: "Proves who a visitor is: your server signs the user's id with it. At least 32 characters.",
    examples: ["Zt3xV0c8mQ4nB7yK1pR6sW9uE2hJ5dLa"],
  }),
});
export type WebWidgetCredentials = z.output<typeof WebWidgetCredentials>;

/** As browsers write it in the header Origin: without a path, a user or the usual port. */
function originOf(text: string): string | undefined {
  return /^https?:\/\/[^/?#@*\s]+\/?$/i.test(text) ? urlOf(text)?.origin : undefined;
}

/** A visitor is known by the channel that met them: two websites may each have a user 42. */
export const visitorIdentity = (channel_id: string, visitor: string) => ({ kind: "visitor", value: `${channel_id}:${visitor}` }) as const;

/**
 * The chat on a website. There is nobody to call: what is stored is read by the visitor's page, which is woken by the
 * commit. So a message is `sent` once it is stored, and `delivered` when a page has taken it.
 */
export const webWidget: Provider = {
  account: textField(100, z.string().trim().min(1)).meta({
    description: "Whatever you like to call the website: there is no account.",
    examples: ["shop.example"],
  }),
  credentials: WebWidgetCredentials,
  reaches: ["visitor"],
  door: null,
  handshake: () => undefined,
  verify: () => false,
  parse: () => [],
  send: async ({ message_id, channel_id, to }) =>
    to.some(({ kind, value }) => kind === "visitor" && value.startsWith(`${channel_id}:`))
      ? { outcome: "sent", external_id: message_id, status: "sent" }
      : refused("recipient_unreachable", "The contact has never been on the channel's website."),
  probe: () => Promise.resolve({ ok: true, detail: "Nobody is asked: the widget's pages come here." }),
};
