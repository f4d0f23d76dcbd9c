import type { HookAnswer } from "./provider.ts";

/** One instruction to Twilio, written as XML. */
export type Verb = string & { readonly written: unique symbol };

type Attributes = Record<string, string | number | boolean | undefined>;

/** `<Name a="b">…</Name>`. What stands in it is text, which is escaped, or other verbs. */
export function verb(name: string, attributes: Attributes = {}, inside: { text: string } | readonly Verb[] = []): Verb {
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  const head = [name, ...given.map(([key, value]) => `${key}="${escapedAttribute(String(value))}"`)].join(" ");
  const body = "text" in inside ? escaped(inside.text) : inside.join("");
  return (body === "" ? `<${head}/>` : `<${head}>${body}</${name}>`) as Verb;
}

/** https://www.twilio.com/docs/voice/twiml */
export const twiml = (...verbs: Verb[]): string => verb("Response", {}, verbs);

export const answering = (...verbs: Verb[]): HookAnswer => ({ content_type: "text/xml; charset=utf-8", body: twiml(...verbs) });

/** XML 1.0 §2.2: what no escape makes a character of XML. */
const impossible = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

const possible = (text: string): string =>
  text.replaceAll(impossible, "\u{FFFD}").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("\r", "&#xD;");

/** As in Canonical XML: `]]>` may not stand in a text, and may in an attribute. */
const escaped = (text: string): string => possible(text).replaceAll(">", "&gt;");

/** A parser makes blanks of bare line breaks in an attribute. */
const escapedAttribute = (text: string): string =>
  possible(text).replaceAll('"', "&quot;").replaceAll("\t", "&#x9;").replaceAll("\n", "&#xA;");
