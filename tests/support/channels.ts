import { createHmac } from "node:crypto";
import type { ChannelKind } from "../../src/channels/contract.ts";
import { createChannel } from "../../src/channels/create-channel.ts";
import type { Conversation } from "../../src/conversations/contract.ts";
import { epochMs, type Timestamp } from "../../src/core/time.ts";
import { atomically } from "../../src/db/atomically.ts";
import { freshAccount } from "./graph-twin.ts";
import { neverTell } from "./leaks.ts";
import type { Tenant, World } from "./world.ts";

/** A sandbox channel of any kind, and a customer's voice on it. */
export async function createSandbox(world: World, tenant: Tenant, channel: ChannelKind) {
  const token = world.services.newId("chan");
  const { id: channel_id } = await atomically(tenant.ctx, (tx) =>
    createChannel(tx, { channel, provider: "sandbox", name: channel, account_id: "sandbox", credentials: { token } }),
  );
  return {
    channel_id,
    async hears(text: string, from: string): Promise<Conversation> {
      const body = { from, text, id: world.services.newId("msg") };
      await world.request(`/hooks/sandbox/${channel_id}`, { method: "POST", body, headers: { "X-Sandbox-Token": token } });
      const { body: list } = await tenant.get<{ data: Conversation[] }>(`/v1/conversations?channel_id=${channel_id}&limit=1`);
      return list.data[0]!;
    },
  };
}

export const credentials = { app_secret: "the app's secret", verify_token: "the token we chose", access_token: "EAAtoken" };

export const signed = (body: string, secret = credentials.app_secret) => ({
  "X-Hub-Signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
});

interface Person {
  wa_id?: string;
  user_id?: string;
  name?: string;
}

/** One entry's change, as Meta words it. */
export const changeOf = (account_id: string, value: object, field = "messages") => ({
  id: "100200300",
  changes: [
    {
      field,
      value: { messaging_product: "whatsapp", metadata: { display_phone_number: "15550100200", phone_number_id: account_id }, ...value },
    },
  ],
});

export const callbackOf = (...entry: object[]) => JSON.stringify({ object: "whatsapp_business_account", entry });

const secondsOf = (at: Timestamp): string => String(Math.floor(epochMs(at) / 1000));

interface Said extends Person {
  id?: string;
  at?: Timestamp;
}

/** What a person says to an account. Without a number or an id they have a number of their own. */
export function saying(world: World, account_id: string, text: string, { id, at, name = "Sara", ...ids }: Said = {}) {
  const { wa_id, user_id } = "wa_id" in ids || "user_id" in ids ? ids : { wa_id: freshNumber(), user_id: undefined };
  return changeOf(account_id, {
    contacts: [{ profile: { name }, ...(wa_id && { wa_id }), ...(user_id && { user_id }) }],
    messages: [
      {
        ...(wa_id && { from: wa_id }),
        ...(user_id && { from_user_id: user_id }),
        id: id ?? freshWamid(world),
        timestamp: secondsOf(at ?? world.now()),
        type: "text",
        text: { body: text },
      },
    ],
  });
}

interface Report {
  at?: Timestamp;
  message_id?: string;
  errors?: object[];
}

/** What Meta tells of a message of ours. */
export const reporting = (world: World, account_id: string, id: string, status: string, { at, message_id, errors }: Report = {}) =>
  changeOf(account_id, {
    statuses: [
      {
        id,
        status,
        timestamp: secondsOf(at ?? world.now()),
        recipient_id: "15550101001",
        ...(message_id && { biz_opaque_callback_data: message_id }),
        ...(errors && { errors }),
      },
    ],
  });

/** What the business wrote, told back to it. */
export const echoing = (world: World, account_id: string, to: string, text: string, { id, at }: { id?: string; at?: Timestamp } = {}) =>
  changeOf(
    account_id,
    {
      message_echoes: [
        {
          from: "15550100200",
          to,
          id: id ?? freshWamid(world),
          timestamp: secondsOf(at ?? world.now()),
          type: "text",
          text: { body: text },
        },
      ],
    },
    "smb_message_echoes",
  );

/** A WhatsApp channel of a tenant's, and Meta's voice at its hook. */
export async function createWhatsApp(world: World, tenant: Tenant, account_id: string = freshAccount()) {
  const { id: channel_id } = await atomically(tenant.ctx, (tx) =>
    createChannel(tx, { channel: "whatsapp", provider: "whatsapp", name: "WhatsApp", account_id, credentials }),
  );
  neverTell(...Object.values(credentials));
  const post = (body: string, headers: Record<string, string> = signed(body)) =>
    world.request<Record<string, unknown> | null>(`/hooks/meta/${channel_id}`, { method: "POST", body, headers });
  const tell = async (...entries: object[]) => {
    const { status } = await post(callbackOf(...entries));
    if (status !== 200) throw new Error(`the hook answered ${status}`);
  };

  return {
    channel_id,
    account_id,
    post,
    tell,
    reports: (id: string, status: string, given?: Report) => tell(reporting(world, account_id, id, status, given)),
    echoes: (to: string, text: string, given?: { id?: string; at?: Timestamp }) => tell(echoing(world, account_id, to, text, given)),
    /** A person writes; the conversation they write in. */
    async hears(text: string, given?: Said): Promise<Conversation> {
      await tell(saying(world, account_id, text, given));
      const { body } = await tenant.get<{ data: Conversation[] }>(`/v1/conversations?channel_id=${channel_id}&limit=1`);
      return body.data[0]!;
    },
  };
}

export type WhatsApp = Awaited<ReturnType<typeof createWhatsApp>>;

interface Spoken {
  id?: string;
  at?: Timestamp;
  person?: string;
}

/** An Instagram or a Messenger channel of a tenant's, and Meta's voice at its hook. */
export async function createMessaging(
  world: World,
  tenant: Tenant,
  channel: "instagram" | "facebook_page",
  account_id: string = freshAccount(),
  app: Partial<typeof credentials> = {},
) {
  const { id: channel_id } = await atomically(tenant.ctx, (tx) =>
    createChannel(tx, { channel, provider: channel, name: channel, account_id, credentials: { ...credentials, ...app } }),
  );
  neverTell(...Object.values(credentials));
  const wrapped = (...entry: object[]) => JSON.stringify({ object: channel === "instagram" ? "instagram" : "page", entry });
  const post = (body: string, headers: Record<string, string> = signed(body, app.app_secret)) =>
    world.request<Record<string, unknown> | null>(`/hooks/meta/${channel_id}`, { method: "POST", body, headers });
  const tell = async (...entries: object[]) => {
    const { status } = await post(wrapped(...entries));
    if (status !== 200) throw new Error(`the hook answered ${status}`);
  };
  const person = `${account_id}1`;
  const spoken = (part: object, { person: who = person, at = world.now() }: Spoken = {}) =>
    entryOf(account_id, { sender: { id: who }, recipient: { id: account_id }, timestamp: epochMs(at), ...part });

  return {
    channel_id,
    account_id,
    person,
    wrapped,
    post,
    tell,
    /** Told by a person, or of a person. */
    hearsOf: (part: object, given?: Spoken) => tell(spoken(part, given)),
    echoes: (message: object, { id = freshMid(world), person: who = person, at = world.now() }: Spoken = {}) =>
      tell(
        entryOf(account_id, {
          sender: { id: account_id },
          recipient: { id: who },
          timestamp: epochMs(at),
          message: { mid: id, is_echo: true, ...message },
        }),
      ),
    /** A person writes; the conversation they write in. */
    async hears(text: string, { id = freshMid(world), ...given }: Spoken = {}): Promise<Conversation> {
      await tell(spoken({ message: { mid: id, text } }, given));
      const { body } = await tenant.get<{ data: Conversation[] }>(`/v1/conversations?channel_id=${channel_id}&limit=1`);
      return body.data[0]!;
    },
  };
}

/** One entry of an account's, as Meta words it. */
export const entryOf = (account_id: string, ...messaging: object[]) => ({ id: account_id, time: 1795342500123, messaging });

const freshMid = ({ services }: World): string => `m_${services.newId("msg").slice(4)}`;

const freshWamid = ({ services }: World): string => `wamid.${services.newId("msg").slice(4)}`;

let numbers = 0;
/** A phone number that no other test of this process has. It ends in 1000 to 9999: the sandbox's magic numbers are below. */
export const freshNumber = (): string =>
  `49${String(process.pid).padStart(7, "0").slice(-6)}${Math.floor(numbers / 9000)}${1000 + (numbers++ % 9000)}`;
