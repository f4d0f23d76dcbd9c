import type { TemplateComponent } from "../channels/providers/template.ts";
import type { TemplateParameter } from "./contract.ts";

/** A parameter, and where in the template it stands. */
export interface Place extends TemplateParameter {
  /** What it is called in the template: `1`, `first_name`. */
  name: string;
  /** Of a button: which one. */
  index: number;
}

/** `{{1}}` or `{{first_name}}`, as WhatsApp writes them. */
const placeholder = /\{\{\s*(\w+)\s*\}\}/g;

/** What must be given to send a template, in the order in which it is told to the provider. */
export const parametersOf = (components: readonly TemplateComponent[]): Place[] => components.flatMap(placesIn);

function placesIn(component: TemplateComponent): Place[] {
  switch (component.type) {
    case "header": {
      if (component.format !== "text") return [{ key: "header", component: "header", kind: component.format, name: "", index: 0 }];
      return namesIn(component.text).map((name) => ({ key: `header.${name}`, component: "header", kind: "text", name, index: 0 }));
    }
    case "body":
      return namesIn(component.text).map((name) => ({ key: name, component: "body", kind: "text", name, index: 0 }));
    case "buttons":
      return component.buttons.flatMap(({ type, target }, index): Place[] => {
        const place = { key: `button.${index}`, component: "button", name: "", index } as const;
        if (type === "copy_code") return [{ ...place, kind: "copy_code" }];
        return type === "url" && namesIn(target ?? "").length > 0 ? [{ ...place, kind: "url" }] : [];
      });
    case "footer":
    case "unsupported":
      return [];
  }
}

/** Each once; numbers in their order, names in that of the text. */
function namesIn(text: string): string[] {
  const names = [...new Set(Array.from(text.matchAll(placeholder), ([, name]) => name!))];
  return names.every((name) => /^\d+$/.test(name)) ? names.toSorted((a, b) => Number(a) - Number(b)) : names;
}

/** The text with the values in their places. A value is put in as it is: what looks like a parameter in it is none. */
export const filled = (text: string, valueOf: (name: string) => string): string =>
  text.replace(placeholder, (_, name: string) => valueOf(name));
