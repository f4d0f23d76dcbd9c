import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js";
import { onTestFinished } from "vitest";
import { createChannel } from "../../src/channels/create-channel.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import { atomically } from "../../src/db/atomically.ts";
import { freshNumber } from "./channels.ts";
import { neverTell } from "./leaks.ts";
import type { Tenant, World } from "./world.ts";

export type Form = Record<string, string>;

export const auth_token = "the account's auth token";

interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  form: URLSearchParams;
}

/** What Twilio's API does with a question, on this machine. It keeps what an account asked. */
export async function createTwilioTwin(account_sid: string = freshSid("AC")) {
  const twin = { account_sid, url: "", asked: [] as Asked[], answer: accepting() as (response: ServerResponse, asked: Asked) => unknown };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = request.url ?? "";
      // The dispatcher serves every workspace: what earlier tests left in the queue is not for this twin.
      if (!new RegExp(`/${account_sid}[/.]`).test(path)) return void refusing(404, 20404)(response);
      const method = request.method ?? "";
      const asked = { method, path, headers: request.headers, form: new URLSearchParams(Buffer.concat(chunks).toString("utf8")) };
      twin.asked.push(asked);
      return void twin.answer(response, asked);
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  twin.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return twin;
}

export const answeringJson =
  (status: number, body: unknown, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));

export const accepting = (sid?: string) => (response: ServerResponse) =>
  answeringJson(201, { sid: sid ?? freshSid("SM"), status: "queued" })(response);

export const refusing = (status: number, code: number, headers?: Record<string, string>) =>
  answeringJson(status, { code, message: "No.", more_info: `https://www.twilio.com/docs/errors/${code}`, status }, headers);

let sids = 0;
/** An id that no other test has. */
export const freshSid = (prefix: string): string => `${prefix}${String(process.pid).padStart(16, "0")}${String(sids++).padStart(16, "0")}`;

/** A Twilio channel of a tenant's, and Twilio's voice at its hooks, signed as Twilio's own library signs. */
export async function createTwilio(world: World, tenant: Tenant, kind: "twilio_sms" | "twilio_voice", given: Form = {}) {
  const account_id = `+${freshNumber()}`;
  const { id: channel_id } = await atomically(tenant.ctx, (tx) =>
    createChannel(tx, {
      channel: kind,
      provider: kind,
      name: kind,
      account_id,
      credentials: { account_sid: freshSid("AC"), auth_token, ...given },
    }),
  );
  neverTell(auth_token);
  const post = (hook: string, body: string, headers: Record<string, string> = signed(hook, body)) =>
    world.request<Record<string, unknown> | string>(`/hooks/twilio/${channel_id}/${hook}`, {
      method: "POST",
      body,
      headers: { "Content-Type": "application/x-www-form-urlencoded", ...headers },
    });
  const signed = (hook: string, body: string, token = auth_token) => ({
    "X-Twilio-Signature": getExpectedTwilioSignature(
      token,
      `https://api.wassla.test/hooks/twilio/${channel_id}/${hook}`,
      Object.fromEntries(new URLSearchParams(body)),
    ),
  });
  /** What Twilio is answered. */
  const tell = async (hook: string, form: Form | string): Promise<string> => {
    const { status, body } = await post(hook, typeof form === "string" ? form : new URLSearchParams(form).toString());
    if (status !== 200 || typeof body !== "string") throw new Error(`the hook answered ${status}`);
    return body;
  };
  const conversations = async () => (await tenant.get<{ data: Conversation[] }>(`/v1/conversations?channel_id=${channel_id}`)).body.data;

  return {
    channel_id,
    account_id,
    post,
    signed,
    tell,
    conversations,
    /** A person writes; the conversation they write in. */
    async hears(text: string, from: string, more: Form = {}): Promise<Conversation> {
      await tell("sms", {
        MessageSid: freshSid("SM"),
        From: from,
        To: account_id,
        Body: text,
        NumMedia: "0",
        SmsStatus: "received",
        ...more,
      });
      return (await conversations())[0]!;
    },
  };
}
