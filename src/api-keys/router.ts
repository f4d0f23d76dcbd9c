import { z } from "zod";
import { anyRead, router } from "../trpc/procedure.ts";
import { Me } from "./contract.ts";
import { describeMe } from "./describe-me.ts";

export const meRouter = router({
  get: anyRead({
    route: "GET /v1/me",
    name: "getMe",
    summary: "Who am I?",
    description: "The API key that makes the request and the workspace it belongs to: the first call of every integration.",
    input: z.strictObject({}),
    output: Me,
    run: describeMe,
  }),
});
