import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/api-keys/token.ts";
import type { Services } from "../../src/core/context.ts";
import { ApiError } from "../../src/core/errors.ts";
import { admit } from "../../src/rate-limits/admit.ts";
import { workspaces } from "../../src/workspaces/tables.ts";
import { onPostgres } from "../support/database.ts";
import { openInstances } from "../support/instances.ts";
import { freshAddress, hitsOf, roomInMinute } from "../support/windows.ts";
import type { Tenant } from "../support/world.ts";

/** The embedded database serialises everything, and would prove nothing. */
describe.skipIf(!onPostgres())("with several processes at once", () => {
  /** Four processes with a connection each, on one database. */
  async function setUp() {
    const worlds = await openInstances(4);
    const { services, tenant: another } = worlds[0]!;
    const tenant = await another();
    await raise(tenant, 100_000);
    return { processes: worlds.map((world) => world.services), services, tenant, another };
  }

  const raise = ({ ctx, workspace_id }: Tenant, api_rate_limit_per_minute: number) =>
    ctx.db.update(workspaces).set({ api_rate_limit_per_minute }).where(eq(workspaces.id, workspace_id));

  interface Try {
    token: string;
    ip: string;
    ip_limit?: number;
    cost?: number;
  }

  const ask = (services: Services, { token, ip, ip_limit = 100_000, cost = 1 }: Try): Promise<string> =>
    admit(services, { digest: digestOf(token), ip, ip_limit }, [cost]).then(
      ([answer]) => (answer instanceof ApiError ? answer.code : "passed"),
      (error: unknown) => String(error),
    );

  function tally(outcomes: string[]): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
    return counts;
  }

  test("200 at once through a limit of 50: exactly 50 pass, and every window holds exactly 50", async () => {
    const { processes, services, tenant } = await setUp();
    const { id, token } = await tenant.mint({ rate_limit_per_minute: 50 });
    const ip = freshAddress();
    await roomInMinute(services.db, 15);
    const outcomes = await Promise.all(Array.from({ length: 200 }, (_, n) => ask(processes[n % 4]!, { token, ip })));
    expect(tally(outcomes)).toEqual({ passed: 50, too_many_requests: 150 });
    expect(await hitsOf(services.db, { ip, key: id, tenant: tenant.workspace_id })).toEqual({ ip: 50, key: 50, tenant: 50 });
  });

  test("300 requests at once to two instances, through a limit of 120: 120 are answered, and the rest are told when to come back", async () => {
    const [here, there] = await openInstances(2, { trusted_proxies: ["127.0.0.1"] });
    const tenant = await here!.tenant();
    const { id, token } = await tenant.mint({ rate_limit_per_minute: 120 });
    const ip = freshAddress();
    await roomInMinute(here!.services.db, 15);
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        (n % 2 === 0 ? here! : there!).request("/v1/nothing", { key: token, headers: { "X-Forwarded-For": ip } }),
      ),
    );
    expect(tally(answers.map(({ status }) => String(status)))).toEqual({ 404: 120, 429: 180 });
    for (const { status, headers } of answers) if (status === 429) expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    const left = answers.filter(({ status }) => status === 404).map(({ headers }) => Number(headers.get("x-ratelimit-remaining")));
    expect(
      left.toSorted((a, b) => a - b),
      "each was told another number",
    ).toEqual(Array.from({ length: 120 }, (_, n) => n));
    expect(await hitsOf(here!.services.db, { ip, key: id, tenant: tenant.workspace_id })).toEqual({ ip: 120, key: 120, tenant: 120 });
  });

  test("when the last window is the one that fills up, the two before it give back what they took", async () => {
    const { processes, services, tenant } = await setUp();
    await raise(tenant, 30);
    const keys = await Promise.all(Array.from({ length: 4 }, () => tenant.mint({ rate_limit_per_minute: 1000 })));
    const ip = freshAddress();
    await roomInMinute(services.db, 15);
    const outcomes = await Promise.all(Array.from({ length: 160 }, (_, n) => ask(processes[n % 4]!, { token: keys[n % 4]!.token, ip })));
    expect(tally(outcomes)).toEqual({ passed: 30, too_many_requests: 130 });
    const held = await Promise.all(keys.map(({ id }) => hitsOf(services.db, { key: id })));
    expect(held.reduce((sum, { key }) => sum + key!, 0)).toBe(30);
    expect(await hitsOf(services.db, { ip, tenant: tenant.workspace_id })).toEqual({ ip: 30, tenant: 30 });
  });

  test("batches of three through a limit of 50: sixteen pass, and 48 are counted", async () => {
    const { processes, services, tenant } = await setUp();
    const { id, token } = await tenant.mint({ rate_limit_per_minute: 50 });
    const ip = freshAddress();
    await roomInMinute(services.db, 15);
    const outcomes = await Promise.all(Array.from({ length: 60 }, (_, n) => ask(processes[n % 4]!, { token, ip, cost: 3 })));
    expect(tally(outcomes)).toEqual({ passed: 16, too_many_requests: 44 });
    expect(await hitsOf(services.db, { ip, key: id, tenant: tenant.workspace_id })).toEqual({ ip: 48, key: 48, tenant: 48 });
  });

  test("many keys of many tenants at many addresses, mixed: nobody waits for ever, and everything adds up", async () => {
    const { processes, services, tenant, another } = await setUp();
    const tenants = [tenant, await another(), await another()];
    for (const each of tenants) await raise(each, 60);
    const keys = await Promise.all([...tenants, ...tenants, ...tenants].map((each) => each.mint({ rate_limit_per_minute: 40 })));
    const ips = Array.from({ length: 5 }, freshAddress);
    await roomInMinute(services.db, 20);
    const tries = Array.from({ length: 450 }, (_, n) => ({ key: keys[(n * 7) % keys.length]!, ip: ips[(n * 3) % ips.length]! }));
    const outcomes = await Promise.all(tries.map(({ key, ip }, n) => ask(processes[n % 4]!, { token: key.token, ip, ip_limit: 80 })));
    const { passed = 0, too_many_requests = 0, ...others } = tally(outcomes);
    expect(others, "no deadlock, no error").toEqual({});
    expect(passed + too_many_requests).toBe(450);

    const sum = async (subjects: { ip?: string; key?: string; tenant?: string }[]) => {
      const held = await Promise.all(subjects.map((subject) => hitsOf(services.db, subject)));
      return held.flatMap((counts) => Object.values(counts)).reduce((total, hits) => total + hits, 0);
    };
    expect(await sum(ips.map((ip) => ({ ip })))).toBe(passed);
    expect(await sum(keys.map(({ id }) => ({ key: id })))).toBe(passed);
    expect(await sum(tenants.map(({ workspace_id }) => ({ tenant: workspace_id })))).toBe(passed);
    for (const { workspace_id } of tenants) expect((await hitsOf(services.db, { tenant: workspace_id }))["tenant"]).toBeLessThanOrEqual(60);
  });
});
