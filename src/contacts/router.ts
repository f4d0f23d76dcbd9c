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
    description: "One contact and everything it is known by.",
    input: ContactRef,
    output: Contact,
    run: findContact,
  }),
  upsert: write({
    route: "POST /v1/contacts",
    name: "upsertContact",
    summary: "Create or update a contact",
    description:
      "Makes a contact; or, where one has the `external_id` already, updates that one with what is given. An identity that is another contact's is refused with 409 `duplicate_external_id`.",
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
      "Changes the fields that are named; an empty body changes nothing. `identities` are all of them; `metadata` is merged: a key that is null is removed.",
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
      "Erases the person: name, identities, external id, metadata, and the 24-hour windows they opened. Conversations and messages stay, and the messages keep what was said and the name their sender had. Nothing can be sent to the person any more; should they write again, they are a new contact.",
    input: ContactRef,
    output: DeletedContact,
    current: { read: lockContact, output: Contact },
    run: deleteContact,
  }),
});
