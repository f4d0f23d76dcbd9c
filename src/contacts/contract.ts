import { z } from "zod";
import type { Identity } from "../channels/contract.ts";
import { idField, listOf, Metadata, MetadataPatch, Moment, pageInput, textField, Timestamp } from "../core/fields.ts";
import { exampleId, story } from "../core/story.ts";
import { SearchText } from "../search/contract.ts";

export const identityKinds = ["phone", "whatsapp_user", "instagram_user", "page_user", "visitor"] as const satisfies Identity["kind"][];

const e164 = /^\+[1-9]\d{6,14}$/;

export const ContactIdentity = z
  .object({
    kind: z.enum(identityKinds).meta({
      description:
        "`phone`, or whose id it is: a WhatsApp user's, an Instagram user's, a Facebook Page user's, or a visitor's of the web widget.",
    }),
    value: z
      .string()
      .meta({ description: "A phone number in E.164 with its plus sign, or the provider's id.", examples: ["+15550101001"] }),
  })
  .meta({ id: "ContactIdentity", description: "One address or id by which a channel knows the contact." });

export const GivenIdentity = z
  .strictObject({
    kind: ContactIdentity.shape.kind,
    value: textField(200, z.string().trim().min(1)).meta({
      description: "A phone number in E.164 with its plus sign, or the provider's id.",
      examples: ["+15550101001"],
    }),
  })
  .refine(({ kind, value }) => kind !== "phone" || e164.test(value), {
    path: ["value"],
    error: "Must be a phone number in E.164: a plus sign and 7 to 15 digits.",
    params: { code: "invalid_phone" },
  })
  .meta({ id: "GivenIdentity", description: "One address or id by which a channel knows the contact." });

/** Whom a conversation or a message is for: a contact by its id, or by how a channel knows it. */
export const recipient = {
  contact_id: idField("cont").optional(),
  to: GivenIdentity.meta({
    description:
      "The contact, by how the channel knows them, and the address that the message goes to; an unknown person becomes a contact. With `contact_id` a message goes to the address from which the contact last wrote on the channel. The kind depends on the channel: WhatsApp `phone` or `whatsapp_user`, Instagram `instagram_user`, Facebook Page `page_user`, SMS and voice `phone`, web widget `visitor`; any other is 422 `recipient_unreachable`. The same holds on the sandbox.",
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
    external_id: z.string().nullable().meta({ description: "Your own id of the contact; null: none was given." }),
    name: z.string().nullable().meta({ description: "Null: not known." }),
    identities: z
      .array(ContactIdentity)
      .meta({ description: "Every address and id the contact is known by. A WhatsApp user may have no phone number." }),
    metadata: Metadata,
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({
    id: "Contact",
    description: "A person who writes to the business, on one or more channels.",
    examples: [
      {
        id: exampleId("cont"),
        object: "contact",
        external_id: "customer-1007",
        name: "Sara",
        identities: [{ kind: "phone", value: "+15550101001" }],
        metadata: {},
        created_at: story.asked_at,
        updated_at: story.asked_at,
      },
    ],
  });
export type Contact = z.input<typeof Contact>;

export const ContactRef = z.strictObject({ contact_id: idField("cont") });
export type ContactRef = z.output<typeof ContactRef>;

const name = textField(200, z.string().trim().min(1)).meta({ description: "The person's name.", examples: ["Sara"] });
const external_id = textField(255, z.string().trim().min(1)).meta({ examples: ["customer-1007"] });
export const most_identities = 20;
const identities = z.array(GivenIdentity).max(most_identities);

export const UpsertContact = z.strictObject({
  external_id: external_id
    .meta({ description: "Your own id of the contact: if a contact has it already, that one is updated." })
    .optional(),
  name: name.optional(),
  identities: identities.default([]).meta({
    description: "Added to the identities the contact has; at most 20 in all.",
    examples: [[{ kind: "phone", value: "+15550101001" }]],
  }),
  metadata: MetadataPatch.optional(),
});
export type UpsertContact = z.output<typeof UpsertContact>;

export const UpdateContact = ContactRef.extend({
  external_id: external_id
    .nullable()
    .meta({ description: "Your own id of the contact; null removes it.", examples: ["customer-1007"] })
    .optional(),
  name: name
    .nullable()
    .meta({ description: "The person's name; null removes it.", examples: ["Sara"] })
    .optional(),
  identities: identities.meta({ description: "The complete list: an identity that is not in it is removed." }).optional(),
  metadata: MetadataPatch.optional(),
});
export type UpdateContact = z.output<typeof UpdateContact>;

export const ListContacts = z.strictObject({
  external_id: z
    .string()
    .max(255)
    .meta({ description: "Your own id of the contact, exactly.", examples: ["customer-1007"] })
    .optional(),
  identity: z
    .string()
    .trim()
    .max(200)
    .meta({
      description: "The value of one of the identities; the plus sign of a phone number (`%2B` in a URL) may be left out.",
      examples: ["+15550101001"],
    })
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
  .meta({ id: "DeletedContact", description: "Which contact was deleted." });
