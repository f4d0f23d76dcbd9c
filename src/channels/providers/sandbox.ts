import { randomUUID } from "node:crypto";
import { z } from "zod";
import { textField } from "../../core/fields.ts";
import { sameSecret } from "../../core/same-secret.ts";
import { longest_text } from "../capabilities.ts";
import type { Identity } from "../contract.ts";
import { secretField } from "./fields.ts";
import { refused, type InboundEvent, type Provider, type SendOutcome } from "./provider.ts";
import { sandboxTemplates } from "./sandbox-templates.ts";
import { cut, hashOf, idAt, readCallback, textAt, timeAt } from "./read.ts";

/** Answers like a real provider, with no account anywhere: the demo workspace and the tests of clients live on it. */
export const sandbox: Provider = {
  account: textField(100, z.string().trim().min(1)).meta({ description: "Whatever you like: there is no account.", examples: ["sandbox"] }),
  credentials: z.strictObject({ token: secretField("A word of your own choice: whoever posts to the hook must know it.") }),
  // Besides those of the channel it stands in for: its hook knows people by their number.
  reaches: ["phone"],
  door: "sandbox",
  handshake: () => undefined,
  verify: (request, credentials) => sameSecret(request.header("x-sandbox-token"), credentials["token"]),
  parse: (raw, received_at) => readCallback(raw, received_at, (body) => [eventOf(body, raw, received_at)]),
  send: async ({ to }) => {
    if (to.length === 0) return refused("recipient_unreachable", "The contact has no address.");
    const { value } = to[0]!;
    return (
      magic.get(value.slice(-4)) ?? {
        outcome: "sent",
        external_id: `sandbox_${randomUUID().replaceAll("-", "")}`,
        status: "delivered",
      }
    );
  },
  templates: sandboxTemplates,
  probe: () => Promise.resolve({ ok: true, detail: "The sandbox is always there." }),
};

/** What becomes of a message, by the last four digits of whom it is for; everybody else receives it. */
const magic = new Map<string, SendOutcome>([
  [
    "0001",
    { outcome: "failed", error: { code: "recipient_unreachable", detail: "Sandbox: nobody has this number.", provider_code: "0001" } },
  ],
  [
    "0002",
    {
      outcome: "retry",
      error: { code: "provider_rate_limited", detail: "Sandbox: too many messages.", provider_code: "0002" },
      retry_after_ms: null,
    },
  ],
  ["0003", { outcome: "unknown", detail: "Sandbox: the connection broke before the answer." }],
  [
    "0004",
    {
      outcome: "failed",
      error: { code: "recipient_opted_out", detail: "Sandbox: the recipient wants no messages.", provider_code: "0004" },
    },
  ],
]);

/** `{"from": "+15550001111", "text": "Hello", "name"?, "id"?, "at"?}`. Without an id, every arrival is a message of its own. */
function eventOf(body: unknown, raw: Uint8Array, received_at: string): InboundEvent {
  const external_id = idAt(body, "id") ?? `sandbox_${hashOf(`${received_at}\n${hashOf(raw)}`).slice(0, 32)}`;
  const common = { dedupe_key: external_id, account_id: null, occurred_at: timeAt(received_at, body, "at"), raw: body };
  const [from, text, name] = [phoneOf(textAt(body, "from")), textAt(body, "text"), textAt(body, "name")];
  if (!from) return { kind: "ignored", ...common, why: "`from` is not a phone number" };
  if (text === null) return { kind: "ignored", ...common, why: "`text` is missing" };
  return {
    kind: "message",
    ...common,
    external_id,
    from: [from],
    name: name && cut(name, 200),
    content: { type: "text", text: cut(text, longest_text) },
  };
}

function phoneOf(said: string | null): Identity | null {
  const value = said?.replace(/\D/g, "").slice(0, 20);
  return value ? { kind: "phone", value } : null;
}
