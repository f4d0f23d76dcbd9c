import { createTRPCClient, httpBatchLink } from "@trpc/client";
import type { AppRouter } from "./router.ts";

interface ClientOptions {
  /** Where the API lives, without a slash at the end. */
  url: string;
  /** Sent with every request, for instance the authorization. */
  headers?: Record<string, string>;
  fetch?: NonNullable<Parameters<typeof httpBatchLink>[0]["fetch"]>;
}

/** The typed client that the portal uses. Calls of one moment travel as one request, at most twenty and in a URL that servers take. */
export const createWasslaClient = ({ url, headers = {}, fetch }: ClientOptions) =>
  createTRPCClient<AppRouter>({
    links: [httpBatchLink({ url: `${url}/trpc`, headers, maxItems: 20, maxURLLength: 8000, ...(fetch && { fetch }) })],
  });
