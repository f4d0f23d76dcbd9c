/** What the service says, as `../contract.ts` has it. */
export interface Message {
  id: string;
  from: "visitor" | "team" | "assistant";
  name: string | null;
  content: { type: "text"; text: string } | { type: "media"; media_type: string; url: string | null; caption: string | null };
  client_reference: string | null;
  read_at: string | null;
  created_at: string;
}

export interface MessageList {
  data: Message[];
  has_more: boolean;
  next_cursor: string | null;
}

export interface Session {
  token: string;
  conversation: object | null;
  messages: MessageList;
  feed_cursor: string;
}

export interface User {
  id: string;
  hash: string;
  name?: string;
  email?: string;
}

/** The service refused, or could not be reached: then `status` is 0. */
export class Refusal extends Error {
  readonly status: number;
  readonly retry_after_ms: number;

  constructor(status: number, retry_after_ms = 0) {
    super(`Wassla: ${status}`);
    this.status = status;
    this.retry_after_ms = retry_after_ms;
  }

  /** The same request may be granted later. */
  get is_passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const patience_ms = 20_000;

interface Ask {
  token?: string;
  body?: object;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** Asks the service. The channel stands in the query, so that the browser's preflight can be answered too. */
export function createApi(base: string, channel_id: string) {
  async function ask(path: string, { token, body, headers, signal }: Ask): Promise<Response> {
    const url = new URL(`/widget/v1/${path}`, base);
    url.searchParams.set("channel_id", channel_id);
    const response = await fetch(url, {
      method: body ? "POST" : "GET",
      headers: {
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(body && { "Content-Type": "application/json" }),
        ...headers,
      },
      credentials: "omit",
      cache: "no-store",
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    }).catch(() => {
      throw new Refusal(0);
    });
    if (!response.ok) throw new Refusal(response.status, 1000 * Number(response.headers.get("Retry-After") ?? 0));
    return response;
  }

  async function read<T>(path: string, asked: Ask): Promise<T> {
    const impatience = new AbortController();
    const timer = setTimeout(() => impatience.abort(), patience_ms);
    try {
      return (await (await ask(path, { ...asked, signal: impatience.signal })).json()) as T;
    } catch (error) {
      throw error instanceof Refusal ? error : new Refusal(0);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    start: (visitor_token: string | undefined, user: User | undefined) =>
      read<Session>("sessions", { body: { channel_id, ...(visitor_token && { visitor_token }), ...(user && { user }) } }),
    history: (token: string, cursor: string) => read<MessageList>(`messages?cursor=${encodeURIComponent(cursor)}`, { token }),
    since: (token: string, after: string) => read<MessageList>(`messages?limit=50&after=${encodeURIComponent(after)}`, { token }),
    send: (token: string, text: string, client_reference: string) => read<Message>("messages", { token, body: { text, client_reference } }),
    reads: (token: string, message_id: string) => read<object>("read", { token, body: { message_id } }),
    events: (token: string, last_event_id: string, signal: AbortSignal) =>
      ask("events", { token, headers: { "Last-Event-ID": last_event_id }, signal }),
  };
}

export type Api = ReturnType<typeof createApi>;
