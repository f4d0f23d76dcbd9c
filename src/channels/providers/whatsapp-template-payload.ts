import type { Content } from "../contract.ts";
import type { TemplateParameter } from "./template.ts";

/** Of each part that has parameters its values, in their order. https://developers.facebook.com/docs/whatsapp/cloud-api/guides/send-message-templates */
export function templatePayload(
  { name, language }: Extract<Content, { type: "template" }>,
  parameters: readonly TemplateParameter[],
): object {
  const ofPart = (part: "header" | "body") => {
    const told = parameters.filter(({ component }) => component === part).map(parameterOf);
    return told.length > 0 ? [{ type: part, parameters: told }] : [];
  };
  const buttons = parameters.flatMap((parameter) =>
    parameter.component === "button"
      ? [{ type: "button", sub_type: parameter.kind, index: String(parameter.index), parameters: [parameterOf(parameter)] }]
      : [],
  );
  const components = [...ofPart("header"), ...ofPart("body"), ...buttons];
  return {
    type: "template",
    template: { name, language: { policy: "deterministic", code: language }, ...(components.length > 0 && { components }) },
  };
}

function parameterOf(parameter: TemplateParameter): object {
  switch (parameter.kind) {
    case "text":
      return { type: "text", ...(parameter.name !== null && { parameter_name: parameter.name }), text: parameter.value };
    case "url":
      return { type: "text", text: parameter.value };
    case "copy_code":
      return { type: "coupon_code", coupon_code: parameter.value };
    case "image":
    case "video":
    case "document":
      return { type: parameter.kind, [parameter.kind]: { link: parameter.value } };
  }
}
