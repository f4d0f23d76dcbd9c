import { parseArgs } from "node:util";
import { z } from "zod";
import { readConfig } from "../config.ts";
import { scopes } from "../core/context.ts";
import { faultsOf } from "../core/faults.ts";
import { InviteMember } from "../team/contract.ts";
import { Workspace } from "../workspaces/contract.ts";
import { newWorkspace } from "./new-workspace.ts";
import { run } from "./run.ts";
import { openWorld } from "./world.ts";

const usage = "usage: npm run workspace:create -- --name NAME [--owner-email ADDRESS] [--scopes read,write,admin] [--json]";

const Wanted = z.object({
  name: Workspace.shape.name,
  "owner-email": InviteMember.shape.email.optional(),
  scopes: z.array(z.enum(scopes)),
  json: z.boolean(),
});

function readArguments() {
  const { values } = parseArgs({
    options: {
      name: { type: "string" },
      "owner-email": { type: "string" },
      scopes: { type: "string", default: scopes.join(",") },
      json: { type: "boolean", default: false },
    },
  });
  const given = { ...values, scopes: values.scopes.split(",").map((scope) => scope.trim()) };
  const { data, error } = Wanted.safeParse(given);
  if (error) throw new Error([...faultsOf(error, given).map(({ detail }) => `--${detail}`), usage].join(" "));
  const { name, "owner-email": owner_email, json } = data;
  return { name, owner_email, scopes: [...new Set(data.scopes)], json };
}

const inLines = (made: Record<string, string>): string =>
  Object.entries(made)
    .map(([name, value]) => `${name.padEnd(22)} ${value}`)
    .join("\n");

run(async () => {
  const wanted = readArguments();
  const world = await openWorld(readConfig());
  try {
    const made = await newWorkspace(world.services, wanted);
    console.log(wanted.json ? JSON.stringify(made) : inLines(made));
  } finally {
    await world.close();
  }
});
