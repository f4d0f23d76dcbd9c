import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { connectEmbedded } from "../../src/db/connect.ts";
import { keptSecret, lockDataDir } from "../../src/db/data-dir.ts";
import { patience_ms, startAnswering } from "../support/processes.ts";

function emptyPlace(): string {
  const place = mkdtempSync(join(tmpdir(), "wassla-lock-"));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  return place;
}

function setUp() {
  const folder = join(emptyPlace(), "data");
  const lock = join(folder, "wassla.lock");
  return {
    folder,
    lock,
    /** Leaves a lock as some earlier process would have. */
    leave: (content: string) => {
      lockDataDir(folder)();
      writeFileSync(lock, content);
    },
  };
}

const holder = (folder: string) => startAnswering("tests/support/hold-data-dir.ts", [folder]);
const startOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]!;
};
/** Larger than the largest that Linux gives (proc_sys_kernel(5)). */
const no_pid = 2 ** 22 + 1;

test("a folder is locked by a file that names its owner, and let go of again", () => {
  const { folder, lock } = setUp();
  const release = lockDataDir(folder);
  expect(readFileSync(lock, "utf8")).toBe(`${process.pid} ${startOf(process.pid)}`);
  release();
  expect(existsSync(lock)).toBe(false);
  lockDataDir(folder)();
});

test("the same process cannot lock a folder twice", () => {
  const { folder } = setUp();
  const release = lockDataDir(folder);
  expect(() => lockDataDir(folder)).toThrow(`is in use by process ${process.pid}`);
  release();
});

test("a second process is told who holds the folder and what to do", { timeout: patience_ms }, async () => {
  const { folder, lock } = setUp();
  const first = await holder(folder);
  expect(await first.tell("lock")).toBe("held");
  expect(() => lockDataDir(folder)).toThrow(
    `The data folder ${folder} is in use by process ${first.pid}. Stop that process, or set DATA_DIR to another folder, or set DATABASE_URL to share one database among processes.`,
  );
  expect(readFileSync(lock, "utf8"), "and the holder's lock is as it was").toBe(`${first.pid} ${startOf(first.pid)}`);
  expect(await first.tell("release")).toBe("released");
  lockDataDir(folder)();
});

test("the lock of a process that was killed is taken over", { timeout: patience_ms }, async () => {
  const { folder, lock } = setUp();
  const first = await holder(folder);
  await first.tell("lock");
  first.child.kill("SIGKILL");
  await first.ended;
  expect(existsSync(lock)).toBe(true);
  const release = lockDataDir(folder);
  expect(readFileSync(lock, "utf8")).toMatch(new RegExp(`^${process.pid} `));
  release();
});

test.each([
  ["a process id that lives again as another process", () => `${process.pid} 1`],
  ["a process id that nobody has", () => `${no_pid} 12345`],
  ["a process id without a start", () => `${no_pid}`],
  ["nothing", () => ""],
  ["garbage", () => "garbage"],
  ["a number that is no process id", () => "99999999999999999999"],
  ["the process id 0, which is everybody's group", () => "0 "],
  ["a negative process id", () => "-1 1"],
  ["half a line", () => `${process.pid}`],
  ["binary garbage", () => "\0\u0001\u0002"],
])("a lock that holds %s is taken over", (_, content) => {
  const { folder, lock, leave } = setUp();
  leave(content());
  const release = lockDataDir(folder);
  expect(readFileSync(lock, "utf8")).toBe(`${process.pid} ${startOf(process.pid)}`);
  release();
});

test("who let go of a folder does not let go of it for the next one", { timeout: patience_ms }, async () => {
  const { folder, lock } = setUp();
  const release = lockDataDir(folder);
  release();
  const next = await holder(folder);
  await next.tell("lock");
  release();
  expect(existsSync(lock)).toBe(true);
});

test("of six processes that meet a dead one's lock at once, exactly one takes the folder over", { timeout: patience_ms }, async () => {
  const { folder, lock, leave } = setUp();
  const starters = await Promise.all(Array.from({ length: 6 }, () => holder(folder)));
  for (let round = 0; round < 30; round++) {
    leave(`${no_pid} ${round}`);
    const answers = await Promise.all(starters.map(({ tell }) => tell("lock")));
    const winners = starters.filter((_, n) => answers[n] === "held");
    expect(winners, answers.join("\n")).toHaveLength(1);
    expect(readFileSync(lock, "utf8")).toBe(`${winners[0]!.pid} ${startOf(winners[0]!.pid)}`);
    for (const answer of answers)
      expect(answer).toMatch(
        /^held$|^refused: (The data folder .* is in use by process|Another process (is just starting|has just started) on )/,
      );
    await Promise.all(starters.map(({ tell }) => tell("release")));
    expect(existsSync(lock)).toBe(false);
  }
});

test("of six processes that meet no lock at all, exactly one takes the folder", { timeout: patience_ms }, async () => {
  const { folder } = setUp();
  const starters = await Promise.all(Array.from({ length: 6 }, () => holder(folder)));
  for (let round = 0; round < 15; round++) {
    const answers = await Promise.all(starters.map(({ tell }) => tell("lock")));
    expect(
      answers.filter((answer) => answer === "held"),
      answers.join("\n"),
    ).toHaveLength(1);
    await Promise.all(starters.map(({ tell }) => tell("release")));
  }
});

test("who was killed in the middle of taking over leaves a sentence that helps", () => {
  const { folder, leave } = setUp();
  leave("garbage");
  const guard = join(folder, "wassla.lock.takeover");
  writeFileSync(guard, "");
  expect(() => lockDataDir(folder)).toThrow(
    `Another process is just starting on ${folder}. If there is none, delete ${guard} and start again.`,
  );
  rmSync(guard);
  lockDataDir(folder)();
});

test("a secret is made once, and readable by its owner alone", () => {
  const { folder } = setUp();
  const secret = keptSecret(folder, "master_key");
  expect(Buffer.from(secret, "base64url")).toHaveLength(32);
  expect(keptSecret(folder, "master_key")).toBe(secret);
  expect(keptSecret(folder, "cron_secret")).not.toBe(secret);
  for (const name of ["master_key", "cron_secret"]) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  expect(statSync(folder).mode & 0o777, "what customers wrote lies in it").toBe(0o700);
});

test("a secret that was put there by hand is kept as it is, but for white space around it", () => {
  const { folder } = setUp();
  lockDataDir(folder)();
  writeFileSync(join(folder, "master_key"), "by hand\n");
  expect(keptSecret(folder, "master_key")).toBe("by hand");
});

test("processes that start at once agree on a secret", { timeout: patience_ms }, async () => {
  const { folder } = setUp();
  const starters = await Promise.all(Array.from({ length: 4 }, () => holder(folder)));
  const secrets = await Promise.all(starters.map(({ tell }) => tell("secret")));
  expect(new Set(secrets).size).toBe(1);
  expect(secrets[0]).toBe(keptSecret(folder, "secret"));
});

test("a folder that cannot be made or written says what to do", () => {
  const file = join(emptyPlace(), "a file");
  writeFileSync(file, "");
  const says = /The data folder .* cannot be written: .* Make room there and let this user write, or set DATA_DIR/;
  expect(() => lockDataDir(join(file, "data"))).toThrow(says);
  expect(() => keptSecret(join(file, "data"), "master_key")).toThrow(says);
});

test("an embedded database that cannot be opened says what to do", async () => {
  const file = join(emptyPlace(), "a file");
  writeFileSync(file, "");
  await expect(connectEmbedded({ folder: join(file, "pg") })).rejects.toThrow(
    /embedded database in .* could not be opened: .* or set DATA_DIR/,
  );
});
