import type { TemplateComponent } from "../channels/providers/template.ts";
import type { TemplatePreview, TemplateVariables } from "./contract.ts";
import { filled } from "./parameters.ts";

type Rendered = Pick<TemplatePreview, "header" | "body" | "footer" | "buttons" | "text">;

/** What a template says. Every variable is there: that was judged before. */
export function renderTemplate(components: readonly TemplateComponent[], variables: TemplateVariables): Rendered {
  const valueOf = (key: string) => variables[key] ?? "";
  const said: Omit<Rendered, "text"> = { header: null, body: null, footer: null, buttons: [] };
  for (const component of components) {
    if (component.type === "header") said.header = headerOf(component, valueOf);
    if (component.type === "body") said.body = filled(component.text, valueOf);
    if (component.type === "footer") said.footer = component.text;
    if (component.type === "buttons") {
      said.buttons = component.buttons.map((button, index) => ({
        ...button,
        target:
          button.type === "copy_code"
            ? valueOf(`button.${index}`)
            : button.target && filled(button.target, () => valueOf(`button.${index}`)),
      }));
    }
  }
  const parts = [
    said.header?.text,
    said.body,
    said.footer,
    ...said.buttons.map(({ text, target }) => `[${text}]${target ? ` ${target}` : ""}`),
  ];
  return { ...said, text: parts.filter((part) => part).join("\n\n") };
}

function headerOf(header: Extract<TemplateComponent, { type: "header" }>, valueOf: (key: string) => string): Rendered["header"] {
  if (header.format !== "text") return { format: header.format, text: null, url: valueOf("header") };
  return { format: "text", text: filled(header.text, (name) => valueOf(`header.${name}`)), url: null };
}
