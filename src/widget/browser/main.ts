import { createApi, type User } from "./api.ts";
import { createChat } from "./chat.ts";
import { createPanel, type Panel } from "./panel.ts";
import { createStore } from "./store.ts";
import { languageOf } from "./words.ts";
import { inBackground } from "./in-background.ts";

/** `Wassla("open" | "close" | "shutdown")`, `Wassla("identify", user)`: what a page may ask of its widget. */
type Command = ["open"] | ["close"] | ["shutdown"] | ["identify", User];

declare global {
  interface Window {
    Wassla?: ((...command: Command) => void) & { q?: Iterable<Command> };
  }
}

const script = document.currentScript as HTMLScriptElement | null;
const channel_id = script?.dataset["channelId"];
if (script && channel_id !== undefined && !document.querySelector("wassla-widget")) begin(script, channel_id);

function begin({ src, dataset }: HTMLScriptElement, channel_id: string): void {
  const language = languageOf(dataset["lang"], document.documentElement.lang, navigator.language);
  const chat = createChat(createApi(src, channel_id), createStore(`wassla:${channel_id}:`), () => panel);
  const panel: Panel = createPanel(language, dataset["title"], {
    toggle: () => (panel.is_open ? close() : open()),
    close,
    send: (text) => chat.send(text),
    retry: (client_reference) => chat.retry(client_reference),
    earlier: () => inBackground(chat.showEarlier()),
  });
  panel.colour(dataset["color"]);

  function open(): void {
    panel.open();
    chat.show();
    inBackground(chat.start());
  }

  function close(): void {
    panel.close();
    chat.show();
  }

  function obey(...[name, user]: Command): void {
    if (name === "open") open();
    else if (name === "close") close();
    else if (name === "identify") chat.identify(user);
    else {
      close();
      chat.forget();
    }
  }

  const asked = window.Wassla?.q ?? [];
  window.Wassla = obey;
  whenReady(() => {
    document.body.append(panel.host);
    for (const command of asked) obey(...command);
    // Whoever was never here has no news: nothing is asked before they want to talk.
    if (chat.isKnown()) inBackground(chat.start());
  });
}

function whenReady(run: () => void): void {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", run, { once: true });
  else run();
}
