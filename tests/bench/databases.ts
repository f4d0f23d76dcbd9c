import postgres from "postgres";

const server_url = process.env["BENCH_DATABASE_URL"] ?? process.env["TEST_DATABASE_URL"];

/** An empty database on the server that the benchmarks are given. */
export async function createDatabase(purpose: string) {
  if (!server_url) throw new Error("BENCH_DATABASE_URL must name a PostgreSQL with pgvector");
  const name = `wassla_bench_${purpose}_${process.pid}`;
  const server = postgres(server_url, { max: 1, onnotice: () => {} });
  await server.unsafe(`create database ${name}`);
  const url = new URL(server_url);
  url.pathname = name;
  return {
    url: url.href,
    async drop() {
      await server.unsafe(`drop database ${name}`);
      await server.end();
    },
  };
}
