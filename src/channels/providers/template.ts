import type { Credentials, Denial, World } from "./provider.ts";

/** A message that a provider approved beforehand, in its own words for status, category and quality. */
export interface ProviderTemplate {
  external_id: string;
  name: string;
  language: string;
  status: string;
  category: string | null;
  quality: string | null;
  rejected_reason: string | null;
  parameter_format: "positional" | "named";
  components: TemplateComponent[];
}

/** A part of a template, as it was approved; `{{1}}` or `{{name}}` in a text, or in the end of a URL, is a parameter. */
export type TemplateComponent =
  | { type: "header"; format: "text"; text: string }
  | { type: "header"; format: "image" | "video" | "document" }
  | { type: "body"; text: string }
  | { type: "footer"; text: string }
  | { type: "buttons"; buttons: TemplateButton[] }
  /** One that cannot be sent from here, such as a carousel. */
  | { type: "unsupported"; name: string };

export interface TemplateButton {
  type: "url" | "quick_reply" | "phone_number" | "copy_code" | "other";
  text: string;
  /** Where it leads, or whom it calls. */
  target: string | null;
}

/** A value for a parameter of a template. `name` where parameters are named. */
export type TemplateParameter =
  | { component: "header" | "body"; kind: "text"; name: string | null; value: string }
  | { component: "header"; kind: "image" | "video" | "document"; value: string }
  | { component: "button"; kind: "url" | "copy_code"; index: number; value: string };

/** What a provider decided of a template. */
export type TemplateChanges = Partial<Pick<ProviderTemplate, "status" | "quality" | "category" | "rejected_reason">>;

export type TemplateListing = { ok: true; templates: ProviderTemplate[] } | Denial;

/** Where the templates of an account are kept. */
export interface TemplateSource {
  /** The account whose templates they are; null where the credentials do not say. */
  accountOf(credentials: Credentials): string | null;
  /** All of them, or why not: never a part. */
  list(credentials: Credentials, world: World): Promise<TemplateListing>;
}
