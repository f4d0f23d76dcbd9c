import type { Message } from "./api.ts";
import { element, link, linked } from "./elements.ts";
import type { Language } from "./words.ts";

/** A message that is shown before the service has it, and what became of it. */
export interface Draft {
  client_reference: string;
  text: string;
  state: "waiting" | "failed";
}

interface Wishes {
  retry: (client_reference: string) => void;
  earlier: () => void;
}

/** What was said, and what is being said. */
export function createLog({ code, words }: Language, wishes: Wishes) {
  const log = element("ol", { class: "log", role: "log", "aria-live": "polite", "aria-label": words.conversation, tabindex: "0" });
  /** What is shown already, by what it shows. */
  const known = new Map<string, HTMLElement>();

  /** Where the reader was, they stay; whoever was at the end sees what is new. */
  function show(messages: readonly Message[], drafts: readonly Draft[], has_earlier: boolean): void {
    const is_at_end = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    const from_end = log.scrollHeight - log.scrollTop;
    replaceBy([has_earlier ? earlierEntry() : greetingEntry(), ...messageEntries(messages, has_earlier), ...drafts.map(draftEntry)]);
    log.scrollTop = is_at_end ? log.scrollHeight : log.scrollHeight - from_end;
  }

  /** Only what is new is added, so that only what is new is read out. */
  function replaceBy(entries: HTMLElement[]): void {
    const wanted = new Set<Element>(entries);
    for (const shown of Array.from(log.children)) if (!wanted.has(shown)) shown.remove();
    for (const [at, item] of entries.entries()) if (log.children[at] !== item) log.insertBefore(item, log.children[at] ?? null);
  }

  function keyed(key: string, make: () => HTMLElement): HTMLElement {
    const item = known.get(key) ?? make();
    known.set(key, item);
    return item;
  }

  const greetingEntry = (): HTMLElement => keyed("greeting", () => entry("team", words.team, words.greeting));

  const earlierEntry = (): HTMLElement =>
    keyed("earlier", () => {
      const earlier = element("button", { class: "earlier", type: "button" }, words.earlier);
      earlier.addEventListener("click", wishes.earlier);
      return element("li", {}, earlier);
    });

  /** Of several in a row by the same, only the first says by whom. */
  function messageEntries(messages: readonly Message[], has_earlier: boolean): HTMLElement[] {
    let before = has_earlier ? "" : `team ${words.team}`;
    return messages.map((message) => {
      const item = keyed(message.id, () => entry(message.from, authorOf(message), textOf(message), message));
      const author = `${message.from} ${authorOf(message)}`;
      item.classList.toggle("same", author === before);
      before = author;
      return item;
    });
  }

  function draftEntry({ client_reference, text, state }: Draft): HTMLElement {
    return keyed(`${client_reference} ${state}`, () => {
      const item = entry("visitor", words.you, text);
      item.classList.add(state);
      const line = element("p", { class: "state" }, state === "waiting" ? words.sending : `${words.failed} `);
      if (state === "failed") {
        const retry = element("button", { type: "button" }, words.retry);
        retry.addEventListener("click", () => wishes.retry(client_reference));
        line.append(retry);
      }
      item.append(line);
      return item;
    });
  }

  function authorOf({ from, name }: Message): string {
    if (from === "visitor") return words.you;
    if (from === "team") return name ?? words.team;
    return name === null ? words.assistant : `${name} · ${words.assistant}`;
  }

  const textOf = ({ content }: Message): string => (content.type === "text" ? content.text : (content.caption ?? words.attachment));

  function entry(from: Message["from"], author: string, text: string, message?: Message): HTMLElement {
    const words_shown = element("p", { class: "bubble", dir: "auto" });
    words_shown.append(...linked(text));
    const { content } = message ?? {};
    if (content?.type === "media" && content.url !== null)
      words_shown.append("\n", link(content.url, `${words.attachment} (${content.media_type})`));
    if (message) words_shown.title = new Date(message.created_at).toLocaleString(code);
    return element("li", { class: from === "visitor" ? "own" : "theirs" }, element("span", { class: "who" }, author), words_shown);
  }

  function toEnd(): void {
    log.scrollTop = log.scrollHeight;
  }

  function empty(): void {
    known.clear();
    log.replaceChildren();
  }

  return { log, show, toEnd, empty };
}
