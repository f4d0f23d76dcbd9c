import { Refusal, type Api, type Message, type User } from "./api.ts";
import { follow } from "./follow.ts";
import type { Draft } from "./log.ts";
import type { Panel } from "./panel.ts";
import type { Store } from "./store.ts";
import { inBackground } from "./in-background.ts";

const most_tries = 6;

/** What is known of the conversation, and what is done about it. */
export function createChat(api: Api, store: Store, panelOf: () => Panel) {
  let user: User | undefined;
  let token: string | undefined;
  let starting: Promise<void> | undefined;
  let following: ReturnType<typeof follow> | undefined;
  let earlier: string | null = null;
  let feed_cursor = "";
  let messages: Message[] = [];
  let drafts: Draft[] = [];
  let sending = false;
  /** Whose answers are still wanted: whoever was here before is nobody's concern. */
  let visit = 0;

  /** A user's token and that of nobody in particular are kept apart. */
  const slot = (): string => (user ? `user:${user.id}` : "anonymous");

  /** One session at a time, again and again until there is one or it is refused for good. */
  function start(): Promise<void> {
    if (starting) return starting;
    const begun = attempt(visit).finally(() => {
      if (starting === begun) starting = undefined;
    });
    starting = begun;
    return begun;
  }

  async function attempt(mine: number): Promise<void> {
    for (let tries = 0; mine === visit; tries++) {
      try {
        const session = await api.start(store.get(slot()), user);
        if (mine !== visit) return;
        token = session.token;
        store.set(slot(), token);
        feed_cursor = session.feed_cursor;
        earlier = session.messages.next_cursor;
        messages = session.messages.data.slice().reverse();
        panelOf().showNotice(undefined);
        show();
        if (session.conversation || messages.length > 0) listen();
        return;
      } catch (error) {
        if (mine !== visit) return;
        const refusal = error instanceof Refusal ? error : new Refusal(0);
        if (refusal.status === 401 && store.get(slot()) !== undefined) {
          store.remove(slot());
          continue;
        }
        panelOf().showNotice(refusal.is_passing ? "offline" : "unavailable");
        if (!refusal.is_passing) return;
        await pause(tries, refusal.retry_after_ms);
      }
    }
  }

  function listen(): void {
    const mine = visit;
    if (following || token === undefined) return;
    following = follow(api, token, feed_cursor, {
      take(message) {
        if (mine !== visit) return;
        take(message);
      },
      live(is_live) {
        if (mine === visit) panelOf().showNotice(is_live ? undefined : "offline");
      },
      lost() {
        if (mine === visit) inBackground(renew());
      },
    });
  }

  async function renew(): Promise<void> {
    stopListening();
    store.remove(slot());
    token = undefined;
    await start();
  }

  function stopListening(): void {
    following?.stop();
    following = undefined;
  }

  function take(message: Message): void {
    if (message.client_reference !== null) drafts = drafts.filter((draft) => draft.client_reference !== message.client_reference);
    if (!messages.some(({ id }) => id === message.id)) messages = [...messages, message].sort((a, b) => (a.id < b.id ? -1 : 1));
    show();
  }

  function show(): void {
    panelOf().showLog(messages, drafts, earlier !== null);
    const unread = messages.filter(({ from, read_at }) => from !== "visitor" && read_at === null);
    const is_seen = panelOf().is_open && !document.hidden;
    const last = unread.at(-1);
    if (is_seen && last && token !== undefined) {
      const now = new Date(last.created_at).toISOString();
      messages = messages.map((message) => (unread.includes(message) ? { ...message, read_at: now } : message));
      api.reads(token, last.id).catch(() => {});
    }
    panelOf().showUnread(is_seen ? 0 : unread.length);
  }

  function send(text: string): void {
    drafts = [...drafts, { client_reference: newReference(), text, state: "waiting" }];
    show();
    inBackground(work());
  }

  /** One after the other, in the order of their writing. Sent again under the same reference, a message stays one. */
  async function work(): Promise<void> {
    if (sending) return;
    sending = true;
    const mine = visit;
    try {
      for (let next = waiting(); next && mine === visit; next = waiting()) await deliver(next, mine);
    } finally {
      sending = false;
    }
    if (waiting()) inBackground(work());
  }

  const waiting = (): Draft | undefined => drafts.find(({ state }) => state === "waiting");

  async function deliver({ client_reference, text }: Draft, mine: number): Promise<void> {
    for (let tries = 0; tries < most_tries && mine === visit; tries++) {
      if (token === undefined) await start();
      if (token === undefined) break;
      try {
        const message = await api.send(token, text, client_reference);
        if (mine !== visit) return;
        take(message);
        listen();
        return;
      } catch (error) {
        const refusal = error instanceof Refusal ? error : new Refusal(0);
        if (refusal.status === 401) await renew();
        else if (refusal.is_passing) await pause(tries, refusal.retry_after_ms);
        else break;
      }
    }
    if (mine !== visit) return;
    drafts = drafts.map((draft) => (draft.client_reference === client_reference ? { ...draft, state: "failed" } : draft));
    show();
  }

  async function showEarlier(): Promise<void> {
    const [mine, cursor] = [visit, earlier];
    if (token === undefined || cursor === null) return;
    earlier = null;
    try {
      const page = await api.history(token, cursor);
      if (mine !== visit) return;
      earlier = page.next_cursor;
      messages = [...page.data.slice().reverse(), ...messages];
    } catch {
      if (mine === visit) earlier = cursor;
    }
    show();
  }

  /** Somebody else sits here now. */
  function change(next: User | undefined): void {
    visit += 1;
    stopListening();
    starting = undefined;
    [user, token, earlier, messages, drafts] = [next, undefined, null, [], []];
    panelOf().empty();
    panelOf().showNotice(undefined);
    show();
  }

  document.addEventListener("visibilitychange", show);

  return {
    start: () => (token === undefined ? start() : Promise.resolve()),
    show,
    send,
    showEarlier,
    /** Whether somebody was here before, for whom there may be news. */
    isKnown: (): boolean => store.get(slot()) !== undefined,
    retry(client_reference: string): void {
      drafts = drafts.map((draft) => (draft.client_reference === client_reference ? { ...draft, state: "waiting" } : draft));
      show();
      inBackground(work());
    },
    identify(next: User): void {
      if (user?.id === next.id) return;
      change(next);
      inBackground(start());
    },
    /** Forgets whoever was here: what they said is not for the next one at this computer. */
    forget(): void {
      store.remove(slot());
      change(undefined);
    },
  };
}

/** Not `randomUUID`, which browsers keep from pages without TLS. */
const newReference = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** A little longer each time, and never at the same moment as everybody else. */
const pause = (tries: number, at_least_ms: number): Promise<void> => {
  const ms = Math.min(30_000, 500 * 2 ** tries);
  return new Promise((resolve) => setTimeout(resolve, Math.max(at_least_ms, ms / 2 + (Math.random() * ms) / 2)));
};
