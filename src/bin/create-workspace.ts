import { parseArgs } from "node:util";
import { readConfig } from "../config.ts";
import { scopes, type Scope } from "../core/context.ts";
import { InviteMember } from "../team/contract.ts";
import { newWorkspace } from "./new-workspace.ts";
import { run } from "./run.ts";
import { openWorld } from "./world.ts";

const usage = "usage: npm run workspace:create -- --name NAME [--owner-email ADDRESS] [--scopes read,write,admin] [--json]";

function readArguments() {
  const { values } = parseArgs({
    options: {
      name: { type: "string" },
      "owner-email": { type: "string" },
      scopes: { type: "string", default: scopes.join(",") },
      json: { type: "boolean", default: false },
    },
  });
  const owner_email = InviteMember.shape.email.optional().safeParse(values["owner-email"]);
  const wanted = values.scopes.split(",").map((scope) => scope.trim());
  const unknown = wanted.filter((scope) => !(scopes as readonly string[]).includes(scope));
  if (!values.name?.trim()) throw new Error(usage);
  if (unknown.length > 0) throw new Error(`There is no scope ${unknown.join(", ")}. ${usage}`);
  if (!owner_email.success) throw new Error(`--owner-email ${values["owner-email"]} is no email address. ${usage}`);
  return { owner_email: owner_email.data, name: values.name.trim(), scopes: [...new Set(wanted)] as Scope[], json: values.json };
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
