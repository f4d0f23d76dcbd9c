import type { MessageStatus, Sender, TranscriptFormat, TranscriptMessage } from "./contract.ts";

/** Messages as blocks of text: a line that says who and when, and below it what was written. */
export function renderTranscript(messages: TranscriptMessage[], truncated: boolean, format: Exclude<TranscriptFormat, "json">): string {
  const render = { text: asText, markdown: asMarkdown }[format];
  const cut = truncated ? [{ text: "[earlier messages are left out]", markdown: "*Earlier messages are left out.*" }[format]] : [];
  return [...cut, ...messages.map(render)].join("\n\n");
}

/** What was written is indented, so that no customer's words can pass for the head of another message. */
function asText(message: TranscriptMessage): string {
  const head = [`[${message.at}]`, whoOf(message, (name) => name), ...remarkOn(message)].join(" ");
  return [head, ...linesOf(saidIn(message)).map((line) => (line === "" ? "" : `  ${line}`))].join("\n");
}

/** What was written is a quotation whose lines break where they broke, and in which nothing is markup. */
function asMarkdown(message: TranscriptMessage): string {
  const head = [`**${message.at}**`, whoOf(message, escaped), ...remarkOn(message).map((remark) => `*${remark}*`)].join(" ");
  // Blanks at the beginning of a line would make it a block of code, two at its end make it a line of its own.
  const lines = linesOf(saidIn(message)).map((line) => escaped(line.trim()));
  return [head, "", ...lines.map((line) => (line === "" ? ">" : `> ${line}  `))].join("\n");
}

const kinds: Record<Sender["type"], string> = {
  contact: "contact",
  team_member: "team member",
  ai_agent: "AI agent",
  api: "API",
  system: "system",
};

function whoOf({ sender: { name, type } }: TranscriptMessage, written: (name: string) => string): string {
  const shown = linesOf(name ?? "")
    .join(" ")
    .trim();
  return shown === "" ? kinds[type] : `${written(shown)} (${kinds[type]})`;
}

const remarks: Partial<Record<MessageStatus, string>> = {
  queued: "(not sent yet)",
  sending: "(not sent yet)",
  failed: "(not delivered)",
  unknown: "(perhaps not delivered)",
};

const remarkOn = ({ status }: TranscriptMessage): string[] => [remarks[status]].flatMap((remark) => remark ?? []);

const saidIn = ({ text, media_type }: TranscriptMessage): string =>
  [media_type && `[${media_type}]`, text].filter((part) => part !== null && part !== "").join(" ");

/** At whatever a viewer may take for the end of a line. */
const linesOf = (text: string): string[] => text.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/);

/** CommonMark §2.4: a backslash makes any ASCII punctuation a plain character. */
const escaped = (text: string): string => text.replaceAll(/[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g, "\\$&");
