import { element, icon } from "./elements.ts";
import { createLog } from "./log.ts";
import { style } from "./style.ts";
import type { Language } from "./words.ts";

interface Wishes {
  toggle: () => void;
  close: () => void;
  send: (text: string) => void;
  retry: (client_reference: string) => void;
  earlier: () => void;
}

/** As the service has it, in `channels/capabilities.ts`. */
const longest_text = 4096;

/** All that is seen. */
export function createPanel(language: Language, title: string | undefined, wishes: Wishes) {
  const { code, dir, words } = language;
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
  const { log, show: showLog, toEnd, empty } = createLog(language, wishes);
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

  return {
    host,
    showUnread,
    showLog,
    showNotice(which: "offline" | "unavailable" | undefined): void {
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
      toEnd();
      field.focus();
    },
    close(): void {
      const had_focus = shadow.activeElement !== null;
      panel.hidden = true;
      root.classList.remove("is-open");
      launcher.setAttribute("aria-expanded", "false");
      if (had_focus) launcher.focus();
    },
    empty,
    get is_open(): boolean {
      return !panel.hidden;
    },
  };
}

export type Panel = ReturnType<typeof createPanel>;

const bubble = "M20 11.5a7.5 7.5 0 0 1-7.5 7.5c-1.2 0-2.4-.3-3.4-.8L4 20l1.6-4.4a7.5 7.5 0 1 1 14.4-4.1Z";
