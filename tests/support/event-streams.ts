import { onTestFinished } from "vitest";
import type { VisitorMessage } from "../../src/widget/contract.ts";
import { shop } from "./visitors.ts";

export interface Told {
  id: string;
  message: VisitorMessage;
}

/** A page's ear: what a stream told, by the words of the HTML standard (§9.2.6), in the order in which it came. */
export async function listenTo(
  url: string,
  token: string,
  { last_event_id, headers = {} }: { last_event_id?: string; headers?: Record<string, string> } = {},
) {
  const stopping = new AbortController();
  const response = await fetch(`${url}/widget/v1/events`, {
    headers: {
      Origin: shop,
      Authorization: `Bearer ${token}`,
      ...(last_event_id !== undefined && { "Last-Event-ID": last_event_id }),
      ...headers,
    },
    signal: stopping.signal,
  });
  const told: Told[] = [];
  const heard = { text: "", last_event_id: last_event_id ?? "", is_over: false };
  const over = response.ok ? read(response.body!).catch(() => {}) : Promise.resolve();
  onTestFinished(() => stopping.abort());

  async function read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of body) {
      const text = decoder.decode(chunk, { stream: true });
      heard.text += text;
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) take(block);
    }
    heard.is_over = true;
  }

  function take(block: string): void {
    const fields = new Map(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
    const id = fields.get("id");
    if (id !== undefined) heard.last_event_id = id;
    const data = fields.get("data");
    if (data !== undefined) told.push({ id: id!, message: JSON.parse(data) as VisitorMessage });
  }

  return {
    response,
    told,
    heard,
    over,
    texts: () => told.map(({ message: { content } }) => (content.type === "text" ? content.text : content.type)),
    hangUp: () => stopping.abort(),
  };
}
