import { describe, expect } from "vitest";
import type { ProviderName } from "../../src/channels/contract.ts";
import { createChannel } from "../../src/channels/create-channel.ts";
import { provider_events } from "../../src/channels/tables.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { atomically } from "../../src/db/atomically.ts";
import { messages } from "../../src/messages/tables.ts";
import { credentials, signed } from "../support/channels.ts";
import { recorded, recordedTest, type Recording } from "../support/payloads.ts";
import { rowsOf } from "../support/rows.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

/** A workspace for each recording, with the account that it is for: the recordings share accounts and message ids. */
async function withChannels(world: World, recordings: Recording[], provider: Exclude<ProviderName, "sandbox">) {
  const channels = new Map<string, { tenant: Tenant; channel_id: string }>();
  for (const { name, raw } of recordings) {
    const tenant = await world.tenant();
    const account_id = accountIn(raw);
    const { id } = await atomically(tenant.ctx, (tx) => createChannel(tx, { channel: provider, provider, name, account_id, credentials }));
    channels.set(name, { tenant, channel_id: id });
  }
  const tell = async ({ name, raw }: Recording) => {
    const body = new TextDecoder().decode(raw);
    const { channel_id } = channels.get(name)!;
    return (await world.request(`/hooks/meta/${channel_id}`, { method: "POST", body, headers: signed(body) })).status;
  };
  return { channels, tell };
}

function accountIn(raw: Uint8Array): string {
  const { entry } = JSON.parse(new TextDecoder().decode(raw)) as {
    entry: [{ id: string; changes?: [{ value: { metadata?: { phone_number_id?: string } } }] }];
  };
  return entry[0].changes?.[0].value.metadata?.phone_number_id ?? entry[0].id;
}

/** What is left of each recording, without what every row has of its own. */
async function stateOf({ channels }: Awaited<ReturnType<typeof withChannels>>) {
  const left = [...channels].map(async ([name, { tenant }]) => {
    const [kept, open, noted] = [
      await rowsOf(tenant, messages),
      await rowsOf(tenant, conversations),
      await rowsOf(tenant, provider_events),
    ];
    return [
      name,
      {
        messages: kept.map(({ direction, content, status, external_id, sent_at }) => ({
          direction,
          content,
          status,
          external_id,
          sent_at,
        })),
        conversations: open.map(({ status, message_count, last_message_preview }) => ({
          status,
          message_count,
          last_message_preview,
        })),
        events: noted.map(({ kind, outcome, dedupe_key }) => `${dedupe_key} ${kind} ${outcome}`).toSorted(),
      },
    ] as const;
  });
  return Object.fromEntries(await Promise.all(left));
}

describe.each([
  ["whatsapp", "whatsapp"],
  ["instagram", "instagram"],
  ["messenger", "facebook_page"],
] as const)("every recorded callback of %s", (folder, provider) => {
  recordedTest("is taken in, told twice is one, and leaves the same in any order", { timeout: 60_000 }, async () => {
    const world = await createWorld();
    const recordings = recorded(`${folder}/inbound`);
    const [forth, back] = [await withChannels(world, recordings, provider), await withChannels(world, recordings, provider)];

    for (const recording of recordings) expect([recording.name, await forth.tell(recording)]).toEqual([recording.name, 200]);
    const state = await stateOf(forth);
    for (const [name, { messages: said, events }] of Object.entries(state)) {
      expect(events.length, name).toBeGreaterThan(0);
      expect(said.length, name).toBe(events.filter((event) => / (message|echo) applied$/.test(event)).length);
    }

    for (const recording of recordings) expect(await forth.tell(recording)).toBe(200);
    expect(await stateOf(forth)).toEqual(state);

    for (const recording of recordings.toReversed()) expect(await back.tell(recording)).toBe(200);
    expect(unordered(await stateOf(back))).toEqual(unordered(state));
    expect(world.logged).toEqual([]);
  });
});

/** The outcome of a renaming hangs on whether anybody was known by then; what is kept of the others does not. */
const unordered = (state: Awaited<ReturnType<typeof stateOf>>) =>
  Object.fromEntries(
    Object.entries(state).map(([name, kept]) => [
      name,
      { ...kept, events: kept.events.map((event) => event.replace(/ renaming \w+$/, " renaming")) },
    ]),
  );
