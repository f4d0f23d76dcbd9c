import type { Message } from "./api.ts";
import { style } from "./style.ts";
import type { Language } from "./words.ts";

/** A message that is shown before the service has it, and what became of it. */
export interface Draft {
  client_reference: string;
  text: string;
  state: "waiting" | "failed";
}

interface Wishes {
  toggle: () => void;
  close: () => void;
  send: (text: string) => void;
  retry: (client_reference: string) => void;
  earlier: () => void;
}

export const longest_text = 4096;

/** All that is seen. Whatever anybody wrote becomes text, never mark-up. */
export function createPanel({ code, dir, words }: Language, title: string | undefined, wishes: Wishes) {
  const host = document.createElement("wassla-widget");
  host.lang = code;
  host.dir = dir;
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  shadow.adoptedStyleSheets = [sheet];

  const heading = element("h2", { id: "title" }, title ?? words.title);
  const subtitle = element("p", { class: "subtitle" }, words.subtitle);
  const close = element("button", { class: "close", type: "button", "aria-label": words.close }, icon("M6 6 18 18M18 6 6 18"));
  const notice = element("p", { class: "notice", role: "status", hidden: "" });
  const log = element("ol", { class: "log", role: "log", "aria-live": "polite", "aria-label": words.conversation, tabindex: "0" });
  const field = element("textarea", { id: "message", rows: "1", dir: "auto", placeholder: words.message, autocomplete: "off" });
  const send = element("button", { class: "send", type: "submit", "aria-label": words.send }, icon("M4 12 20 4 14 20 11 13 4 12Z"));
  const form = element("form", {}, element("label", { for: "message", class: "sr" }, words.message), field, send);
  const mark = element("span", { class: "mark", "aria-hidden": "true" }, icon(bubble));
  const panel = element(
    "section",
    { class: "panel", id: "panel", role: "dialog", "aria-labelledby": "title", hidden: "" },
    element("header", {}, mark, element("div", {}, heading, subtitle), close),
    notice,
    log,
    form,
  );
  const badge = element("span", { class: "badge", "aria-hidden": "true", hidden: "" });
  const launcher = element(
    "button",
    { class: "launcher", type: "button", "aria-controls": "panel", "aria-expanded": "false" },
    icon(bubble),
    icon("M6 9.5 12 15.5 18 9.5"),
    badge,
  );
  const root = element("div", { dir }, panel, launcher);
  shadow.append(root);

  launcher.addEventListener("click", wishes.toggle);
  close.addEventListener("click", wishes.close);
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden) wishes.close();
    // What is typed here is no shortcut of the page's.
    event.stopPropagation();
  });
  field.addEventListener("keydown", (event) => {
    // While an input method composes, Enter chooses a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  field.addEventListener("input", judge);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (text === "" || [...text].length > longest_text) return;
    field.value = "";
    judge();
    wishes.send(text);
  });
  judge();
  showUnread(0);

  function judge(): void {
    const length = [...field.value.trim()].length;
    send.disabled = length === 0 || length > longest_text;
    field.setCustomValidity(length > longest_text ? words.too_long : "");
    if (length > longest_text) field.reportValidity();
  }

  function showUnread(count: number): void {
    badge.hidden = count === 0;
    badge.textContent = count > 9 ? "9+" : String(count);
    const label = panel.hidden ? words.open : words.close;
    launcher.setAttribute("aria-label", count === 0 ? label : `${label}, ${words.unread(count)}`);
  }

  function showLog(messages: readonly Message[], drafts: readonly Draft[], has_earlier: boolean): void {
    const is_at_end = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    const from_end = log.scrollHeight - log.scrollTop;
    const entries: HTMLElement[] = [];
    if (has_earlier) {
      const earlier = element("button", { class: "earlier", type: "button" }, words.earlier);
      earlier.addEventListener("click", wishes.earlier);
      entries.push(keyed("earlier", () => element("li", {}, earlier)));
    } else {
      entries.push(keyed("greeting", () => entry("team", words.team, words.greeting)));
    }
    let before = has_earlier ? "" : `team ${words.team}`;
    for (const message of messages) {
      const item = keyed(message.id, () => entry(message.from, authorOf(message), textOf(message), message));
      const author = `${message.from} ${authorOf(message)}`;
      item.classList.toggle("same", author === before);
      before = author;
      entries.push(item);
    }
    for (const draft of drafts) entries.push(draftEntry(draft));
    // Only what is new is added, so that only what is new is read out.
    const wanted = new Set(entries);
    for (const shown of Array.from(log.children)) if (!wanted.has(shown as HTMLElement)) shown.remove();
    for (const [at, item] of entries.entries()) if (log.children[at] !== item) log.insertBefore(item, log.children[at] ?? null);
    log.scrollTop = is_at_end ? log.scrollHeight : log.scrollHeight - from_end;
  }

  const known = new Map<string, HTMLElement>();
  function keyed(key: string, make: () => HTMLElement): HTMLElement {
    const item = known.get(key) ?? make();
    known.set(key, item);
    return item;
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

  const authorOf = ({ from, name }: Message): string =>
    from === "visitor"
      ? words.you
      : from === "assistant"
        ? name === null
          ? words.assistant
          : `${name} · ${words.assistant}`
        : (name ?? words.team);

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

  return {
    host,
    showUnread,
    showLog,
    showNotice(which: "connecting" | "offline" | "unavailable" | undefined): void {
      notice.hidden = which === undefined;
      notice.textContent = which === undefined ? "" : words[which];
      field.disabled = which === "unavailable";
    },
    colour(accent: string | undefined): void {
      if (accent !== undefined && CSS.supports("color", accent)) host.style.setProperty("--accent", accent);
    },
    open(): void {
      panel.hidden = false;
      root.classList.add("is-open");
      launcher.setAttribute("aria-expanded", "true");
      log.scrollTop = log.scrollHeight;
      field.focus();
    },
    close(): void {
      const had_focus = shadow.activeElement !== null;
      panel.hidden = true;
      root.classList.remove("is-open");
      launcher.setAttribute("aria-expanded", "false");
      if (had_focus) launcher.focus();
    },
    empty(): void {
      known.clear();
      log.replaceChildren();
    },
    get is_open(): boolean {
      return !panel.hidden;
    },
  };
}

export type Panel = ReturnType<typeof createPanel>;

const bubble = "M20 11.5a7.5 7.5 0 0 1-7.5 7.5c-1.2 0-2.4-.3-3.4-.8L4 20l1.6-4.4a7.5 7.5 0 1 1 14.4-4.1Z";

/** Addresses can be followed; everything else is what it was. */
function linked(text: string): (string | Node)[] {
  return text.split(/(https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]])/).map((part, at) => (at % 2 === 1 ? link(part, part) : part));
}

function link(url: string, text: string): Node | string {
  if (!/^https?:\/\//i.test(url)) return text;
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer nofollow" }, text);
}

function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string>,
  ...children: (string | Node)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function icon(path: string): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  const drawn = {
    viewBox: "0 0 24 24",
    fill: "none",
    stroke: "currentColor",
    "stroke-width": "2",
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  };
  for (const [key, value] of Object.entries({ ...drawn, "aria-hidden": "true" })) svg.setAttribute(key, value);
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
