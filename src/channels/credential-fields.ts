import { z } from "zod";
import { providers } from "./providers/all.ts";

interface CredentialField {
  is_list: boolean;
  /** What it is, and of which providers that is said. */
  told: Map<string, string[]>;
}

/** Every field that some provider has. Which of them belong to a provider, and their form, its own object decides. */
const credentialFields = new Map<string, CredentialField>();
for (const [name, { credentials }] of Object.entries(providers)) {
  for (const [field, form] of Object.entries(credentials.shape)) {
    const { is_list = form instanceof z.ZodArray, told = new Map<string, string[]>() } = credentialFields.get(field) ?? {};
    const description = form.description ?? "";
    credentialFields.set(field, { is_list, told: told.set(description, [...(told.get(description) ?? []), name]) });
  }
}

const Credential = z.string().max(4000);

/** An object of them all, each of which may be missing in the way that is given. */
export const credentialsOf = <T extends z.ZodType>(optional: (field: z.ZodType<string | string[]>) => T) =>
  z.strictObject(
    Object.fromEntries(
      Array.from(credentialFields, ([field, { is_list, told }]) => {
        const description = Array.from(told, ([text, names]) => `${names.join(", ")}: ${text}`).join(" ");
        const form: z.ZodType<string | string[]> = is_list ? z.array(Credential).max(100) : Credential;
        return [field, optional(form).meta({ description })];
      }),
    ),
  );
