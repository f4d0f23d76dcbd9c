import type { Dispatcher } from "undici";
import type { Network } from "../core/context.ts";
import { notSent, type Poster } from "../core/poster.ts";
import { seconds } from "../core/time.ts";
import { urlOf } from "../core/url.ts";
import { Attempt } from "./attempt.ts";
import { Connection, Origin } from "./connections.ts";
import type { Way } from "./socket.ts";

export interface PosterOptions extends Way {
  /** For all of it once a connection carries it: name, connection, TLS, headers. A body that takes longer is cut, which is no failure. */
  timeout_ms?: number;
  body_cap_bytes?: number;
}

/** Posts to addresses that the guard has judged, and follows no redirect. */
export function createPoster(network: Network, options: PosterOptions = {}): Poster {
  const { timeout_ms = seconds(10), body_cap_bytes = 4096, ...way } = options;
  const origins = new Map<string, Origin>();
  let closed: Promise<unknown> | undefined;

  function originOf(url: URL): Origin {
    let origin = origins.get(url.origin);
    if (!origin) {
      const open = (pool: Origin) => new Connection(new URL(url.origin), network, way, pool);
      origin = new Origin(open, () => origins.delete(url.origin));
      origins.set(url.origin, origin);
    }
    return origin;
  }

  return {
    roomAt: (origin) => origins.get(origin)?.room() ?? 1,
    post({ url: text, headers, body, onCarried }) {
      if (closed) return Promise.resolve(notSent("connection_reset"));
      const url = urlOf(text);
      if (!url || !/^https?:$/.test(url.protocol)) return Promise.resolve(notSent("blocked_address"));
      return new Promise((resolve) => {
        const request: Dispatcher.DispatchOptions = { method: "POST", path: url.pathname + url.search, headers, body };
        originOf(url).send(new Attempt(request, { timeout_ms, body_cap_bytes, onCarried, tell: resolve }));
      });
    },
    async close() {
      await (closed ??= Promise.all(Array.from(origins.values(), (origin) => origin.close())));
    },
  };
}
