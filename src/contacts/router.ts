import { read, router, write } from "../trpc/procedure.ts";
import { Contact, ContactList, ContactRef, DeletedContact, ListContacts, UpdateContact, UpsertContact } from "./contract.ts";
import { deleteContact } from "./delete-contact.ts";
import { findContact, listContacts, lockContact } from "./find-contact.ts";
import { updateContact } from "./update-contact.ts";
import { upsertContact } from "./upsert-contact.ts";

export const contactsRouter = router({
  list: read({
    route: "GET /v1/contacts",
    name: "listContacts",
    summary: "List contacts",
    description: "The people who write to the business, the newest first.",
    input: ListContacts,
    output: ContactList,
    errors: ["invalid_cursor"],
    run: listContacts,
  }),
  get: read({
    route: "GET /v1/contacts/{contact_id}",
    name: "getContact",
    summary: "Get a contact",
    description: "One contact, with every identity.",
    input: ContactRef,
    output: Contact,
    run: findContact,
  }),
  upsert: write({
    route: "POST /v1/contacts",
    name: "upsertContact",
    summary: "Create or update a contact",
    description:
      "Creates a contact, or, if a contact has the `external_id` already, updates that one with the fields that are given. An identity that belongs to another contact is refused with 409 `duplicate_external_id`.",
    input: UpsertContact,
    output: Contact,
    errors: ["duplicate_external_id"],
    run: upsertContact,
  }),
  update: write({
    route: "PATCH /v1/contacts/{contact_id}",
    name: "updateContact",
    summary: "Update a contact",
    description:
      "Changes the fields that are named; an empty body changes nothing. `identities` replaces the whole list; `metadata` is merged: a key that is null is removed.",
    input: UpdateContact,
    output: Contact,
    errors: ["duplicate_external_id"],
    current: { read: lockContact, output: Contact },
    run: updateContact,
  }),
  delete: write({
    route: "DELETE /v1/contacts/{contact_id}",
    name: "deleteContact",
    summary: "Delete a contact",
    description:
      "Erases the person: name, identities, external id, metadata, and the 24-hour windows they opened. Conversations and messages stay, and the messages keep their content and the name of their sender. Nothing can be sent to the person any more; if they write again, they become a new contact.",
    input: ContactRef,
    output: DeletedContact,
    current: { read: lockContact, output: Contact },
    run: deleteContact,
  }),
});
