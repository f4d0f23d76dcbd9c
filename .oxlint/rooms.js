// The architecture, as lint rules. A room is a folder of src/, listed from the ground up: each looks only into
// what stands in its line. Where two rooms know of each other, one of them sees the other's tables alone.
import path from "node:path";

const ground = ["core", "db"];
const rooms = {
  core: [], // words every room uses; no I/O
  db: ["core"],
  audit: [...ground, "workspaces/tables.ts"],
  workspaces: [...ground, "audit", "conversations/contract.ts"],
  "api-keys": [...ground, "audit", "team", "workspaces"],
  "rate-limits": [...ground, "api-keys", "workspaces"],
  idempotency: [...ground, "workspaces/tables.ts"],
  jobs: [...ground, "workspaces/tables.ts"],
  channels: [...ground, "audit", "workspaces"],
  search: ground, // q: how text is found
  templates: [...ground, "audit", "channels", "workspaces"],
  contacts: [...ground, "audit", "channels", "search", "workspaces", "messages/tables.ts"],
  team: [...ground, "api-keys/tables.ts", "audit", "workspaces", "conversations/tables.ts", "tickets/tables.ts"],
  sessions: [...ground, "audit", "rate-limits", "team", "workspaces"], // people who sign in, and which member each of them is
  posting: ["core"], // how a webhook leaves the building
  webhooks: [...ground, "audit", "channels", "jobs", "posting", "workspaces", "conversations/tables.ts"],
  dispatch: [...ground, "audit", "webhooks"],
  usage: [...ground, "api-keys/tables.ts", "channels", "conversations/tables.ts", "workspaces"],
  conversations: [...ground, "audit", "channels", "contacts", "search", "team", "webhooks", "workspaces"],
  messages: [...ground, "audit", "channels", "contacts", "conversations", "team", "templates", "usage", "webhooks", "workspaces"],
  tickets: [...ground, "contacts", "conversations", "search", "team", "workspaces"],
  notes: [...ground, "audit", "conversations", "team", "tickets"],
  widget: [...ground, "channels", "contacts", "conversations", "messages"], // what a visitor of a website sees
  analytics: [...ground, "channels", "conversations/tables.ts", "usage"],
  agent: [...ground, "webhooks"],
  sentiment: [...ground, "webhooks"],
  events: [...ground, "agent", "dispatch", "conversations", "messages", "sentiment", "webhooks"],
};

const built = Object.keys(rooms);
const may = {
  ...rooms,
  trpc: [...ground, "idempotency"],
  "config.ts": ground,
  "chores.ts": built,
  "router.ts": [...ground, "trpc"],
  "client.ts": ["core", "router.ts"],
  http: [...built, "trpc", "router.ts", "chores.ts"],
  "app.ts": [...built, "trpc", "router.ts", "chores.ts", "http"],
  bin: [...built, "trpc", "router.ts", "chores.ts", "http", "app.ts", "client.ts", "config.ts"],
};

/** Which packages live behind which doors. Every other package may be imported anywhere. */
const doors = {
  "@trpc/server": only("trpc", "http", "router.ts", "client.ts"),
  "trpc-to-openapi": only("trpc", "http", "router.ts", "client.ts"),
  "@trpc/client": only("client.ts"),
  hono: only("http", "app.ts", "bin"),
  "@hono": only("http", "app.ts", "bin"),
  postgres: only("db/connect.ts", "db/postgres-js.ts"),
  "@electric-sql": only("db/connect.ts"),
  "drizzle-orm": (file) => file === "core/context.ts" || !/^(core|http)\/|(^|\/)(router|contract)\.ts$/.test(file),
  "better-auth": only("sessions/engine.ts"),
  "@node-rs/argon2": only("sessions/password.ts"),
  undici: only("posting", "channels/providers"),
  pino: only("bin"),
  "node:process": only("config.ts"), // `process` is a global; what would be imported is `env`
};

/** What must be handed over (`ctx.now()`, `ctx.network.fetch`), so that a test may hand over its own. */
const clockKeepers = only("core/time.ts");
const fetchers = only("posting", "channels/providers", "widget/browser", "bin", "config.ts");

const src = path.join(import.meta.dirname, "..", "src");
const inSrc = (file) => path.relative(src, file).split(path.sep).join("/");
const isOutside = (file) => file.startsWith("../");
const isWithin = (file, place) => file === place || file.startsWith(`${place}/`);
const roomOf = (file) => file.split("/")[0];
const isRoomRouter = (file) => /^[^/]+\/router\.ts$/.test(file);

function only(...places) {
  return (file) => places.some((place) => isWithin(file, place));
}

function whyNot(file, specifier) {
  if (!specifier.startsWith(".")) {
    const closed = Object.keys(doors).some((name) => isWithin(specifier, name) && !doors[name](file));
    return closed && `${specifier} is behind a door that ${file} does not have`;
  }
  const target = inSrc(path.resolve(src, path.dirname(file), specifier));
  const [from, to] = [roomOf(file), roomOf(target)];
  if (isOutside(target)) return `src/ looks at nothing outside itself`;
  if (isRoomRouter(target)) return file !== "router.ts" && `only src/router.ts may import ${target}`;
  if (to === from || (isRoomRouter(file) && to === "trpc")) return false;
  return !may[from]?.some((place) => isWithin(target, place)) && `${from} may not look into ${to}`;
}

const roomsRule = {
  create(context) {
    const file = inSrc(context.filename);
    if (isOutside(file)) return {};
    const check = (node) => {
      const specifier = node.source?.value;
      const message = typeof specifier === "string" && whyNot(file, specifier);
      if (message) context.report({ node, message });
    };
    return {
      Program(node) {
        if (!may[roomOf(file)]) context.report({ node, message: `unknown room ${roomOf(file)}: give it a line in .oxlint/rooms.js` });
      },
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};

const clockRule = {
  create(context) {
    const file = inSrc(context.filename);
    if (isOutside(file) || clockKeepers(file)) return {};
    const no = (node) => context.report({ node, message: "the clock is a parameter: ask ctx.now()" });
    const isDate = (node) => node.name === "Date" || (isGlobalObject(node.object) && node.property.name === "Date");
    return {
      NewExpression: (node) => isDate(node.callee) && node.arguments.length === 0 && no(node),
      CallExpression: (node) => isDate(node.callee) && no(node),
      MemberExpression: (node) => isDate(node.object) && node.property.name === "now" && no(node),
    };
  },
};

const networkRule = {
  create(context) {
    const file = inSrc(context.filename);
    if (isOutside(file) || fetchers(file)) return {};
    const no = (node) => context.report({ node, message: "the network is a parameter: ask ctx.network" });
    return {
      "Program:exit"() {
        const globals = context.sourceCode.scopeManager.globalScope.through;
        for (const { identifier } of globals) if (identifier.name === "fetch" && identifier.parent.type !== "TSTypeQuery") no(identifier);
      },
      MemberExpression: (node) => isGlobalObject(node.object) && node.property.name === "fetch" && no(node),
    };
  },
};

/** Node 20 compiles it into one that refuses letters of Latin-1. */
const canParseRule = {
  create: (context) => ({
    MemberExpression: (node) =>
      node.object.name === "URL" && node.property.name === "canParse" && context.report({ node, message: "ask urlOf of core/url.ts" }),
  }),
};

const isGlobalObject = (node) => node?.name === "globalThis" || node?.name === "global";

export default { meta: { name: "wassla" }, rules: { rooms: roomsRule, clock: clockRule, network: networkRule, "can-parse": canParseRule } };
