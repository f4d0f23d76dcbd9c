import { nodeUrl, readGraph } from "./graph.ts";
import { denied, type Credentials, type Denial, type World } from "./provider.ts";
import { at, cut, idAt, listAt, shortAt, textAt } from "./read.ts";
import type { ProviderTemplate, TemplateButton, TemplateComponent, TemplateListing, TemplateSource } from "./template.ts";

/** WhatsApp's templates. https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates */
export const templates: TemplateSource = { accountOf: (credentials) => credentials["waba_id"] ?? null, list };

const fields = "id,name,language,status,category,quality_score,rejected_reason,parameter_format,components";
const per_page = 200;
/** Meta allows 6,000 templates; whoever tells of more goes round in circles. */
const most_pages = 100;

/** Page by page, by the cursor: `paging.next` is a URL with the token in it, of whatever host the answer says. */
async function list(credentials: Credentials, world: World): Promise<TemplateListing> {
  const edge = `${nodeUrl("meta_graph_url", credentials["waba_id"] ?? "", world)}/message_templates?fields=${fields}&limit=${per_page}`;
  const found = new Map<string, ProviderTemplate>();
  let after = "";
  for (let page = 0; page < most_pages; page++) {
    const told = await readGraph(`${edge}${after}`, credentials, world);
    if (!told.ok) return told;
    const { said } = told;
    if (!Array.isArray(at(said, "data"))) return unusable("The answer is not a list of templates.");
    for (const item of listAt(said, "data")) {
      const template = templateOf(item);
      if (template) found.set(`${template.name} ${template.language}`, template);
    }
    const cursor = textAt(said, "paging", "cursors", "after");
    if (cursor === null || textAt(said, "paging", "next") === null) return { ok: true, templates: [...found.values()] };
    after = `&after=${encodeURIComponent(cursor)}`;
  }
  return unusable(`The list of templates has no end after ${most_pages} pages.`);
}

const unusable = (detail: string): Denial => denied("provider_unavailable", detail, { is_passing: true });

function templateOf(item: unknown): ProviderTemplate | null {
  const [external_id, name, language, status] = [idAt(item, "id"), idAt(item, "name"), idAt(item, "language"), textAt(item, "status")];
  if (external_id === null || name === null || language === null || status === null) return null;
  return {
    external_id,
    name,
    language,
    status: cut(status, 50),
    category: shortAt(item, "category"),
    quality: shortAt(item, "quality_score", "score"),
    rejected_reason: rejectedReason(textAt(item, "rejected_reason")),
    parameter_format: textAt(item, "parameter_format")?.toUpperCase() === "NAMED" ? "named" : "positional",
    components: listAt(item, "components").flatMap(componentOf),
  };
}

/** Where there is none, WhatsApp says so in a word. */
export const rejectedReason = (said: string | null): string | null => (said === null || said === "NONE" ? null : cut(said, 200));

function componentOf(component: unknown): TemplateComponent[] {
  const type = textAt(component, "type")?.toUpperCase() ?? "";
  const text = textAt(component, "text");
  if (type === "BODY" && text !== null) return [{ type: "body", text }];
  if (type === "FOOTER" && text !== null) return [{ type: "footer", text }];
  if (type === "HEADER") return [headerOf(component, text)];
  if (type === "BUTTONS") return [{ type: "buttons", buttons: listAt(component, "buttons").map(buttonOf) }];
  return [{ type: "unsupported", name: cut(type || "UNKNOWN", 50) }];
}

function headerOf(component: unknown, text: string | null): TemplateComponent {
  const format = textAt(component, "format")?.toLowerCase() ?? "";
  if (format === "text" && text !== null) return { type: "header", format, text };
  if (format === "image" || format === "video" || format === "document") return { type: "header", format };
  return { type: "unsupported", name: cut(`HEADER ${format.toUpperCase()}`, 50) };
}

const button_types = new Map<string, TemplateButton["type"]>([
  ["URL", "url"],
  ["QUICK_REPLY", "quick_reply"],
  ["PHONE_NUMBER", "phone_number"],
  ["COPY_CODE", "copy_code"],
]);

const buttonOf = (button: unknown): TemplateButton => ({
  type: button_types.get(textAt(button, "type")?.toUpperCase() ?? "") ?? "other",
  text: textAt(button, "text") ?? "",
  target: textAt(button, "url") ?? textAt(button, "phone_number"),
});
