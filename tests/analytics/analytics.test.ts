import fc from "fast-check";
import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import type { Figures, Overview, Timeseries } from "../../src/analytics/contract.ts";
import type { Problem } from "../../src/core/errors.ts";
import { after, hours, minutes, msBetween, seconds } from "../../src/core/time.ts";
import { conversations } from "../../src/conversations/tables.ts";
import { sumUpUsage } from "../../src/usage/sum-up-usage.ts";
import { createSandbox, freshNumber } from "../support/channels.ts";
import { createWorld, type Tenant, type World } from "../support/world.ts";

/** A world at a moment of its own, which goes on from there. */
async function worldAt(at: string) {
  const world = await createWorld();
  const tenant = await world.tenant();
  let now = at;
  world.services.now = () => now;
  return { world, tenant, setTime: (next: string) => void (now = next), pass: (ms: number) => void (now = after(now, ms)) };
}

const zone = (timezone: string) => `timezone=${encodeURIComponent(timezone)}`;
const overviewOf = async (tenant: Tenant, query: string) => (await tenant.get<Overview>(`/v1/analytics/overview?${query}`)).body;
const seriesOf = async (tenant: Tenant, query: string) => (await tenant.get<Timeseries>(`/v1/analytics/timeseries?${query}`)).body;
const say = (tenant: Tenant, id: string) =>
  tenant.post(`/v1/conversations/${id}/messages`, { content: { type: "text", text: "Good day" } });
const close = (tenant: Tenant, id: string) => tenant.post(`/v1/conversations/${id}/close`);
const set = (tenant: Tenant, id: string, row: Partial<typeof conversations.$inferInsert>) =>
  tenant.ctx.db
    .update(conversations)
    .set(row)
    .where(eq(conversations.id, id as `conv_${string}`));

const nothing: Figures = {
  opened: 0,
  closed: 0,
  resolved: 0,
  resolved_by_ai: 0,
  handed_over: 0,
  handled: 0,
  messages_inbound: 0,
  messages_outbound: 0,
  first_response_seconds: { p50: null, p90: null },
  resolution_seconds: { p50: null, p90: null },
  ai_resolution_rate: null,
  hand_over_rate: null,
  sentiment_score: null,
};

describe("the overview", () => {
  test("of a workspace where nothing happened is nothing, for thirty days", async () => {
    const { tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    expect(await overviewOf(tenant, zone("Europe/Berlin"))).toEqual({
      object: "analytics_overview",
      from: "2026-05-16T22:00:00.000Z",
      to: "2026-06-15T22:00:00.000Z",
      ...nothing,
      channels: [],
    });
  });

  test("tells what was opened, said, answered and resolved, and how long that took", async () => {
    const { tenant, pass } = await worldAt("2026-06-15T12:00:00.000Z");
    for (const wait of [10, 20, 30, 40, 50]) {
      const { id } = await tenant.hears("Hello");
      pass(seconds(wait));
      await say(tenant, id);
      await say(tenant, id);
      pass(seconds(100 - wait));
      await close(tenant, id);
    }
    const overview = await overviewOf(tenant, "");
    expect(overview).toMatchObject({
      ...nothing,
      opened: 5,
      closed: 5,
      resolved: 5,
      handled: 5,
      messages_inbound: 5,
      messages_outbound: 10,
      first_response_seconds: { p50: 30, p90: 46 },
      resolution_seconds: { p50: 100, p90: 100 },
      ai_resolution_rate: 0,
    });
    const { object: _, from: __, to: ___, channels, ...figures } = overview;
    expect(channels).toEqual([{ channel: "whatsapp", ...figures }]);
  });

  test("counts a first answer from the contact's first message, and not from a conversation that we began", async () => {
    const { world, tenant, pass } = await worldAt("2026-06-15T12:00:00.000Z");
    const sms = await createSandbox(world, tenant, "twilio_sms");
    const from = freshNumber();
    const to = { kind: "phone", value: `+${from}` };
    const { body } = await tenant.post<{ conversation_id: string }>("/v1/messages", {
      channel_id: sms.channel_id,
      to,
      content: { type: "text", text: "Your order is here" },
    });
    pass(hours(5));
    await sms.hears("Thank you", from);
    pass(seconds(8));
    await say(tenant, body.conversation_id);
    expect(await overviewOf(tenant, "")).toMatchObject({ opened: 1, handled: 1, first_response_seconds: { p50: 8, p90: 8 } });
  });

  test("tells how much the AI resolved, and how much it gave to people", async () => {
    const { tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    const ids = [];
    for (let n = 0; n < 5; n++) ids.push((await tenant.hears("Hello")).id);
    for (const id of ids) await tenant.patch(`/v1/conversations/${id}`, { handler_mode: "ai" });
    await tenant.post(`/v1/conversations/${ids[0]}/handoff`, { to: "human" });
    await tenant.patch(`/v1/conversations/${ids[1]}`, { handler_mode: "human" });
    await tenant.post(`/v1/conversations/${ids[2]}/handoff`, { to: "unassigned" });
    const { body: member } = await tenant.post<{ id: string }>("/v1/team_members", { email: "lina@shop.example", role: "agent" });
    await tenant.post(`/v1/conversations/${ids[4]}/assign`, { assignee_id: member.id });
    for (const id of ids) await close(tenant, id);
    await set(tenant, ids[2]!, { closed_by: "ai_agent" });
    await set(tenant, ids[3]!, { status: "timed_out", closed_by: "inactivity_timer" });
    expect(await overviewOf(tenant, "")).toMatchObject({
      closed: 5,
      resolved: 4,
      resolved_by_ai: 1,
      handed_over: 3,
      ai_resolution_rate: 0.25,
      hand_over_rate: 0.75,
    });
  });

  test("no longer counts as closed what was reopened", async () => {
    const { tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    const { id } = await tenant.hears("Hello");
    await close(tenant, id);
    await tenant.post(`/v1/conversations/${id}/reopen`);
    expect(await overviewOf(tenant, "")).toMatchObject({ opened: 1, closed: 0 });
  });

  test("is of the channels that are asked for, and of one workspace", async () => {
    const { world, tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    const sms = await createSandbox(world, tenant, "twilio_sms");
    await say(tenant, (await sms.hears("Hello", freshNumber())).id);
    await tenant.hears("Hello");
    const one = { opened: 1, messages_inbound: 1 };
    for (const _ of ["as it is written", "and added up"]) {
      expect(await overviewOf(tenant, "channel=twilio_sms")).toMatchObject({ ...one, handled: 1, messages_outbound: 1 });
      expect(await overviewOf(tenant, `channel_id=${tenant.channel_id}`)).toMatchObject({ ...one, handled: 0 });
      expect(await overviewOf(tenant, "channel=twilio_sms&channel=whatsapp")).toMatchObject({ opened: 2, messages_inbound: 2 });
      expect(await overviewOf(tenant, `channel=instagram&channel_id=${sms.channel_id}`)).toMatchObject(nothing);
      expect(await overviewOf(await world.tenant(), "")).toMatchObject({ ...nothing, channels: [] });
      await sumUpUsage(world.services);
    }
  });
});

describe("the time series", () => {
  test.each([
    ["Europe/Berlin", "2026-03-29", 23],
    ["Europe/Berlin", "2026-10-25", 25],
    ["America/New_York", "2026-03-08", 23],
    ["America/New_York", "2026-11-01", 25],
    // Here midnight itself is skipped, or comes twice.
    ["Africa/Cairo", "2026-04-24", 23],
    ["Africa/Cairo", "2026-10-29", 25],
    ["Atlantic/Azores", "2026-10-25", 25],
    ["Asia/Kolkata", "2026-03-29", 24],
  ])("in %s has for %s a day of %i hours, and everything of that day in it", async (timezone, day, length) => {
    const { tenant, setTime } = await worldAt(`${day}T12:00:00.000Z`);
    const { buckets } = await seriesOf(tenant, zone(timezone));
    const local = new Intl.DateTimeFormat("sv", { timeZone: timezone, dateStyle: "short" });
    const today = buckets.at(-1)!;
    expect(buckets).toHaveLength(30);
    expect(msBetween(today.from, today.to)).toBe(hours(length));
    expect([today.from, after(today.to, -1)].map((at) => local.format(new Date(at)))).toEqual([day, day]);
    expect([after(today.from, -1), today.to].map((at) => local.format(new Date(at)))).not.toContain(day);

    for (const at of [after(today.from, -1), today.from, after(today.to, -1), today.to]) {
      setTime(at);
      await tenant.hears("Hello");
    }
    setTime(`${day}T12:00:00.000Z`);
    const filled = (await seriesOf(tenant, zone(timezone))).buckets;
    expect(filled.slice(-2).map(({ opened, messages_inbound }) => [opened, messages_inbound])).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test("goes by hours of sixty minutes, through a clock that is changed and beside whole hours", async () => {
    const { tenant } = await worldAt("2026-10-25T12:00:00.000Z");
    const day = "from=2026-10-24T22:00:00Z&to=2026-10-25T23:00:00Z&interval=hour";
    const { buckets } = await seriesOf(tenant, `${day}&${zone("Europe/Berlin")}`);
    expect(buckets).toHaveLength(25);
    expect(new Set(buckets.map(({ from, to }) => msBetween(from, to)))).toEqual(new Set([hours(1)]));
    const kolkata = (await seriesOf(tenant, `${day}&${zone("Asia/Kolkata")}`)).buckets;
    expect(kolkata.slice(0, 2).map(({ from }) => from)).toEqual(["2026-10-24T22:00:00.000Z", "2026-10-24T22:30:00.000Z"]);
  });

  test.each([
    ["week", ["2026-05-29T22:00:00.000Z", "2026-05-31T22:00:00.000Z", "2026-06-07T22:00:00.000Z", "2026-06-10T10:00:00.000Z"]],
    ["month", ["2026-05-29T22:00:00.000Z", "2026-05-31T22:00:00.000Z", "2026-06-10T10:00:00.000Z"]],
  ])("by the %s has whole ones between what the period cuts off", async (interval, bounds) => {
    const { tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    const query = `from=${bounds[0]}&to=${bounds.at(-1)}&interval=${interval}&${zone("Europe/Berlin")}`;
    const { buckets } = await seriesOf(tenant, query);
    expect(buckets.map(({ from }) => from)).toEqual(bounds.slice(0, -1));
    expect(buckets.map(({ to }) => to)).toEqual(bounds.slice(1));
  });

  test("has every bucket, also where there was nothing", async () => {
    const { tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    await tenant.hears("Hello");
    const { buckets } = await seriesOf(tenant, zone("Africa/Cairo"));
    expect(buckets).toHaveLength(30);
    for (const { from, to, ...figures } of buckets.slice(0, -1)) expect([figures, from < to]).toEqual([nothing, true]);
    expect(buckets.at(-1)).toMatchObject({ ...nothing, opened: 1, messages_inbound: 1 });
  });
});

const zones = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Cairo", "UTC"];
const added = ["opened", "closed", "resolved", "resolved_by_ai", "handed_over", "messages_inbound", "messages_outbound"] as const;

test("the overview is the sum of the series and of its channels, whatever happened, in any zone and by any interval", async () => {
  const history = fc.array(
    fc.record({
      wait: fc.integer({ min: 0, max: 40 }),
      channel: fc.nat(1),
      person: fc.nat(2),
      what: fc.constantFrom("say", "close", "hand", "sum", "hear"),
    }),
    { minLength: 4, maxLength: 18 },
  );
  await fc.assert(
    fc.asyncProperty(
      history,
      fc.constantFrom(...zones),
      fc.constantFrom("hour", "day", "week", "month"),
      async (steps, timezone, interval) => {
        // Two days before the clocks of Berlin and of New York: four days, or three weeks, of which one has another length.
        const { world, tenant, pass } = await worldAt("2026-10-23T20:00:00.000Z");
        const channels = await Promise.all((["whatsapp", "twilio_sms"] as const).map((kind) => createSandbox(world, tenant, kind)));
        const people = [freshNumber(), freshNumber(), freshNumber()];
        await happen(world, tenant, channels, people, steps, pass);
        const period = `from=2026-10-23T00:00:00Z&to=2026-11-20T00:00:00Z&${zone(timezone)}`;
        const [overview, { buckets }] = [await overviewOf(tenant, period), await seriesOf(tenant, `${period}&interval=${interval}`)];
        for (const name of added) {
          expect(
            buckets.reduce((sum, bucket) => sum + bucket[name], 0),
            name,
          ).toBe(overview[name]);
          expect(
            overview.channels.reduce((sum, channel) => sum + channel[name], 0),
            name,
          ).toBe(overview[name]);
        }
        expect(overview.channels.reduce((sum, { handled }) => sum + handled, 0)).toBe(overview.handled);
        expect(buckets.reduce((sum, { handled }) => sum + handled, 0)).toBeGreaterThanOrEqual(overview.handled);
        expect(overview.messages_inbound).toBe(1 + steps.filter(({ what }) => what === "hear").length + opensOf(steps));
        for (let at = 1; at < buckets.length; at++) expect(buckets[at]!.from).toBe(buckets[at - 1]!.to);
      },
    ),
    { numRuns: 8 },
  );
}, 120_000);

type Step = { wait: number; channel: number; person: number; what: string };

/** How often somebody had to write first, for there to be a conversation at all. */
function opensOf(steps: Step[]): number {
  const open = new Set<string>();
  let opens = 0;
  for (const { channel, person, what } of steps) {
    const who = `${channel} ${person}`;
    if (what === "hear") open.add(who);
    if (what === "hear" || what === "sum") continue;
    if (!open.has(who)) opens += 1;
    open.add(who);
    if (what === "close") open.delete(who);
  }
  return opens;
}

async function happen(
  world: World,
  tenant: Tenant,
  channels: Awaited<ReturnType<typeof createSandbox>>[],
  people: string[],
  steps: Step[],
  pass: (ms: number) => void,
): Promise<void> {
  await tenant.hears("Hello");
  const open = new Map<string, string>();
  for (const { wait, channel, person, what } of steps) {
    pass(minutes(wait * 30));
    if (what === "sum") await sumUpUsage(world.services);
    if (what === "sum") continue;
    const who = `${channel} ${person}`;
    if (what === "hear" || !open.has(who)) open.set(who, (await channels[channel]!.hears("Hello", people[person]!)).id);
    const id = open.get(who)!;
    if (what === "say") await say(tenant, id);
    if (what === "hand") await tenant.patch(`/v1/conversations/${id}`, { handler_mode: "ai" });
    if (what === "hand") await tenant.post(`/v1/conversations/${id}/handoff`, { to: "human" });
    if (what === "close") await close(tenant, id);
    if (what === "close") open.delete(who);
  }
}

describe("is refused, naming the field", () => {
  const faultsOf = async (tenant: Tenant, path: string) => {
    const { status, body } = await tenant.get<Problem>(`/v1/analytics/${path}`);
    return [status, body.errors?.map(({ pointer, code }) => `${pointer} ${code}`)];
  };

  test.each([
    ["timezone=Mars/Olympus", "/timezone invalid_timezone"],
    ["timezone=%2B02:00", "/timezone invalid_timezone"],
    ["from=2026-06-15T12:10:00Z", "/from invalid_timestamp"],
    ["to=yesterday", "/to invalid_timestamp"],
    ["from=2026-06-15T12:00:00Z&to=2026-06-15T12:00:00Z", "/to too_small"],
    ["from=2025-06-14T00:00:00Z&to=2026-06-16T00:00:00Z", "/from too_small"],
    ["from=1970-01-01T00:00:00Z&to=9999-12-31T00:00:00Z", "/from too_small"],
    ["channel=fax", "/channel/0 not_allowed"],
  ])("%s", async (query, fault) => {
    const { tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    expect(await faultsOf(tenant, `overview?${query}`)).toEqual([400, [fault]]);
    expect(await faultsOf(tenant, `timeseries?${query}`)).toEqual([400, [fault]]);
  });

  test.each([
    ["hour", "2026-05-15T00:00:00Z", "2026-06-16T00:00:00Z"],
    ["week", "2019-05-15T00:00:00Z", "2026-06-16T00:00:00Z"],
    ["month", "1990-05-15T00:00:00Z", "2026-06-16T00:00:00Z"],
    ["month", "1995-12-31T23:45:00Z", "2026-07-01T00:00:00Z"],
  ])("more buckets than are answered, by the %s from %s", async (interval, from, to) => {
    const { tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    expect(await faultsOf(tenant, `timeseries?interval=${interval}&from=${from}&to=${to}`)).toEqual([400, ["/from too_small"]]);
  });

  test("an interval that is none", async () => {
    const { tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    expect(await faultsOf(tenant, "timeseries?interval=minute")).toEqual([400, ["/interval not_allowed"]]);
  });

  test("as much as may be asked is answered", async () => {
    const { tenant } = await worldAt("2026-06-15T12:00:00.000Z");
    const year = await seriesOf(tenant, "from=2023-06-15T00:00:00Z&to=2024-06-15T00:00:00Z");
    expect(year.buckets).toHaveLength(366);
    expect((await seriesOf(tenant, "interval=hour&from=2026-05-01T00:00:00Z&to=2026-06-01T00:00:00Z")).buckets).toHaveLength(744);
  });
});
