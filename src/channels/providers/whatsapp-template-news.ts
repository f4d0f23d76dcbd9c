import type { InboundEvent } from "./provider.ts";
import { at, idAt, shortAt, textAt } from "./read.ts";
import type { TemplateChanges } from "./template.ts";
import { rejectedReason } from "./whatsapp-templates.ts";

type News = Pick<Extract<InboundEvent, { kind: "template" }>, "name" | "language" | "changes" | "is_stale">;

/** What is told of a template, by the change's field; undefined where it is not said what the template is like now. */
const readers = new Map<string, (value: unknown) => TemplateChanges | undefined>([
  ["message_template_status_update", statusOf],
  ["message_template_quality_update", (value) => told("quality", shortAt(value, "new_quality_score"))],
  ["template_category_update", (value) => told("category", shortAt(value, "new_category"))],
  ["message_template_components_update", () => undefined],
]);

/** What a change says of a template; undefined where it is about something else. */
export function readTemplateNews(change: unknown): News | undefined {
  const read = readers.get(textAt(change, "field") ?? "");
  const value = at(change, "value");
  const [name, language] = [idAt(value, "message_template_name"), idAt(value, "message_template_language")];
  if (!read || name === null || language === null) return undefined;
  const changes = read(value);
  return { name, language, changes: changes ?? {}, is_stale: changes === undefined };
}

const told = (field: "quality" | "category", word: string | null): TemplateChanges => (word === null ? {} : { [field]: word });

/** The events of the status that are a status themselves; of any other (it was locked, a limit was reached) the status is asked for. */
const states: readonly string[] = [
  "APPROVED",
  "ARCHIVED",
  "DELETED",
  "DISABLED",
  "IN_APPEAL",
  "PAUSED",
  "PENDING",
  "PENDING_DELETION",
  "REJECTED",
];

/** Those that lead back to one. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/message_template_status_update */
const approving: readonly string[] = ["REINSTATED", "UNARCHIVED"];

function statusOf(value: unknown): TemplateChanges | undefined {
  const event = shortAt(value, "event")?.toUpperCase() ?? "";
  // It can still be sent.
  if (event === "FLAGGED") return {};
  const status = approving.includes(event) ? "APPROVED" : event;
  if (!states.includes(status)) return undefined;
  const reason = textAt(value, "rejection_info", "reason") ?? textAt(value, "reason");
  return { status, rejected_reason: status === "REJECTED" ? rejectedReason(reason) : null };
}
