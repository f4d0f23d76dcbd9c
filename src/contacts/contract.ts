import { z } from "zod";
import type { Identity } from "../channels/contract.ts";
import { idField, listOf, Metadata, MetadataPatch, Moment, pageInput, textField, Timestamp } from "../core/fields.ts";
import { SearchText } from "../search/contract.ts";

export const identityKinds = ["phone", "whatsapp_user", "instagram_user", "page_user", "visitor"] as const satisfies Identity["kind"][];

const e164 = /^\+[1-9]\d{6,14}$/;

export const ContactIdentity = z
  .object({
    kind: z.enum(identityKinds).meta({ description: "`phone`, or the name a provider has for the person." }),
    value: z
      .string()
      .meta({ description: "A phone number in E.164 with its plus sign, or the provider's id.", examples: ["+15550101001"] }),
  })
  .meta({ id: "ContactIdentity", description: "One way in which a channel knows the contact." });

export const GivenIdentity = z
  .strictObject({ kind: z.enum(identityKinds), value: textField(200, z.string().trim().min(1)).meta({ examples: ["+15550101001"] }) })
  .refine(({ kind, value }) => kind !== "phone" || e164.test(value), {
    path: ["value"],
    error: "Must be a phone number in E.164: a plus sign and 7 to 15 digits.",
    params: { code: "invalid_phone" },
  })
  .meta({ id: "GivenIdentity" });

/** Whom a conversation or a message is for: a contact by its id, or by how a channel knows it. */
export const recipient = {
  contact_id: idField("cont").optional(),
  to: GivenIdentity.meta({
    description:
      "The contact by how the channel knows them, and where it is sent: to that address and to no other; somebody unknown becomes a contact. With `contact_id` it is sent where answers go: where they last wrote from on the channel. Its kind goes by the channel: WhatsApp `phone` or `whatsapp_user`, Instagram `instagram_user`, Facebook Page `page_user`, SMS and voice `phone`, web widget `visitor`; another is 422 `recipient_unreachable`. On the sandbox it is the same.",
  }).optional(),
};

/** Exactly one of the two. */
export const oneRecipient = [
  ({ contact_id, to }: { contact_id?: unknown; to?: unknown }): boolean => (contact_id === undefined) !== (to === undefined),
  { path: ["to"], error: "Name the contact either by contact_id or by to.", params: { code: "not_allowed" } },
] satisfies [unknown, object];

export const Contact = z
  .object({
    id: idField("cont"),
    object: z.literal("contact"),
    external_id: z.string().nullable().meta({ description: "Your own id of the contact." }),
    name: z.string().nullable(),
    identities: z
      .array(ContactIdentity)
      .meta({ description: "A contact is a set of identities: a WhatsApp user may have no phone number." }),
    metadata: Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: "Contact", description: "A person who writes to the business, on however many channels." });
export type Contact = z.input<typeof Contact>;

export const ContactRef = z.strictObject({ contact_id: idField("cont") });
export type ContactRef = z.output<typeof ContactRef>;

const name = textField(200, z.string().trim().min(1));
const external_id = textField(255, z.string().trim().min(1)).meta({ examples: ["customer-1007"] });
export const most_identities = 20;
const identities = z.array(GivenIdentity).max(most_identities);

export const UpsertContact = z.strictObject({
  external_id: external_id.meta({ description: "Your own id: if a contact has it, that one is updated." }).optional(),
  name: name.optional(),
  identities: identities.default([]).meta({ description: "Added to those the contact has; at most 20 in all." }),
  metadata: MetadataPatch.optional(),
});
export type UpsertContact = z.output<typeof UpsertContact>;

export const UpdateContact = ContactRef.extend({
  external_id: external_id.nullable().optional(),
  name: name.nullable().optional(),
  identities: identities.meta({ description: "All of them: what is not named is removed." }).optional(),
  metadata: MetadataPatch.optional(),
});
export type UpdateContact = z.output<typeof UpdateContact>;

export const ListContacts = z.strictObject({
  external_id: z.string().max(255).optional(),
  identity: z
    .string()
    .trim()
    .max(200)
    .meta({ description: "The value of one of the identities, such as `+15550101001`; the plus sign (`%2B` in a URL) may be left out." })
    .optional(),
  q: SearchText.optional(),
  created_after: Moment.optional(),
  created_before: Moment.optional(),
  ...pageInput,
});
export type ListContacts = z.output<typeof ListContacts>;
export const ContactList = listOf(Contact, "ContactList");

export const DeletedContact = z
  .object({ id: idField("cont"), object: z.literal("contact"), deleted: z.literal(true) })
  .meta({ id: "DeletedContact" });
