import { Resolver } from "node:dns/promises";
import type { Network } from "../core/context.ts";
import { seconds } from "../core/time.ts";

interface ResolveOptions {
  timeout_ms?: number;
  tries?: number;
  /** Name servers, `address` or `address:port`; without them the system's. */
  servers?: string[];
}

/**
 * Asks name servers for every address of a name. Not `dns.lookup`, each call of which holds one of four
 * threads for as long as it takes.
 */
export function createResolve(options: ResolveOptions = {}): Network["resolve"] {
  const resolver = new Resolver({ timeout: options.timeout_ms ?? seconds(2), tries: options.tries ?? 2 });
  if (options.servers) resolver.setServers(options.servers);

  return async (hostname) => {
    const [v4, v6] = await Promise.allSettled([
      resolver.resolve4(hostname).catch(noneIfAbsent),
      resolver.resolve6(hostname).catch(noneIfAbsent),
    ]);
    if (v4.status === "rejected" && v6.status === "rejected") throw v4.reason;
    return [...(v4.status === "fulfilled" ? v4.value : []), ...(v6.status === "fulfilled" ? v6.value : [])];
  };
}

/** A name without records of one family is an answer, not a failure. */
function noneIfAbsent(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENODATA" || error.code === "ENOTFOUND") return [];
  throw error;
}
