import { fetchRequestHandler } from "@trpc/server/adapters/fetch";
import { Hono } from "hono";
import { appRouter } from "../router.ts";
import type { Front } from "./front-door.ts";

const calls_per_batch = 20;

/** The same procedures for the typed client. */
export function rpc(): Hono<Front> {
  const app = new Hono<Front>();
  app.all("/trpc/*", (c) =>
    fetchRequestHandler({
      endpoint: "/trpc",
      req: c.req.raw,
      router: appRouter,
      createContext: () => c.var.ctx,
      maxBatchSize: calls_per_batch,
    }),
  );
  return app;
}
