/** `npm run bench -- NAME`: each prints its figures, and on its last line the same as JSON. */
const benches: Record<string, () => Promise<unknown>> = {
  rest: () => import("./rest.ts"),
  deliver: () => import("./deliver.ts"),
  read: () => import("./read.ts"),
  close: () => import("./close.ts"),
};

const name = process.argv[2] ?? "";
if (!Object.hasOwn(benches, name)) {
  console.error(`usage: npm run bench -- ${Object.keys(benches).join(" | ")}   (BENCH_DATABASE_URL names a PostgreSQL with pgvector)`);
  process.exit(1);
}
await benches[name]!();
