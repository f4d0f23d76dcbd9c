import { createTRPCClient, httpBatchLink, httpBatchStreamLink, splitLink } from "@trpc/client";
import type { inferRouterOutputs } from "@trpc/server";
import type { AppRouter } from "./router.ts";

interface ClientOptions {
  /** Where the API lives, without a slash at the end. */
  url: string;
  /** Sent with every request, for instance the authorization. */
  headers?: Record<string, string>;
  fetch?: NonNullable<Parameters<typeof httpBatchLink>[0]["fetch"]>;
}

type Outputs = inferRouterOutputs<AppRouter>;
type StreamIn<Room extends keyof Outputs> = {
  [Name in keyof Outputs[Room] & string]: Outputs[Room][Name] extends AsyncIterable<unknown> ? `${Room}.${Name}` : never;
}[keyof Outputs[Room] & string];

/** What is answered while it is made. The router's types see to it that none is missing, and that nothing else is here. */
const streams: Record<{ [Room in keyof Outputs]: StreamIn<Room> }[keyof Outputs], true> = { "auditLog.export": true };

/** The typed client that the portal uses. Calls of one moment travel as one request, at most twenty and in a URL that servers take. */
export function createWasslaClient({ url, headers = {}, fetch }: ClientOptions) {
  const options = { url: `${url}/trpc`, headers, maxItems: 20, maxURLLength: 8000, ...(fetch && { fetch }) };
  return createTRPCClient<AppRouter>({
    links: [
      splitLink({
        condition: ({ path }) => Object.hasOwn(streams, path),
        true: httpBatchStreamLink(options),
        false: httpBatchLink(options),
      }),
    ],
  });
}
