import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Two processes on one embedded database lose each other's rows without a word, so the folder is locked by
 * a file that names its owner. Returns the way to let go of it.
 */
export function lockDataDir(folder: string): () => void {
  makeFolder(folder);
  const lock = join(folder, "wassla.lock");
  if (!create(lock, owner())) takeOver(folder, lock);
  return () => {
    if (holderOf(lock) === owner()) rmSync(lock);
  };
}

/** A secret that is made once and kept beside the data, readable by its owner alone. */
export function keptSecret(folder: string, name: string): string {
  makeFolder(folder);
  const file = join(folder, name);
  create(file, randomBytes(32).toString("base64url"));
  return readFileSync(file, "utf8").trim();
}

/** What customers wrote lies in it. */
const makeFolder = (folder: string): void => writing(folder, () => void mkdirSync(folder, { recursive: true, mode: 0o700 }));

/** Whoever starts the service is told what to do about a disk that takes nothing. */
function writing(folder: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw new Error(
      `The data folder ${folder} cannot be written: ${(cause as Error).message}. Make room there and let this user write, or set DATA_DIR to another folder.`,
      { cause },
    );
  }
}

/** Only under a second lock may a dead owner's be removed; otherwise two starters could both believe they did. */
function takeOver(folder: string, lock: string): void {
  const guard = join(folder, "wassla.lock.takeover");
  if (!create(guard, owner()))
    throw new Error(`Another process is just starting on ${folder}. If there is none, delete ${guard} and start again.`);
  try {
    const holder = holderOf(lock);
    if (holder !== undefined && isAlive(holder)) {
      throw new Error(
        `The data folder ${folder} is in use by process ${holder.split(" ")[0]}. Stop that process, or set DATA_DIR to another folder, or set DATABASE_URL to share one database among processes.`,
      );
    }
    // Let go of in this very moment, it is anybody's: then the next line alone decides.
    if (holder !== undefined) rmSync(lock);
    if (!create(lock, owner())) throw new Error(`Another process has just started on ${folder}.`);
  } finally {
    rmSync(guard, { force: true });
  }
}

/** Whole or not at all: nobody ever reads a file that is still empty. */
function create(file: string, content: string): boolean {
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  writing(dirname(file), () => writeFileSync(draft, content, { mode: 0o600 }));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft);
  }
}

function holderOf(lock: string): string | undefined {
  try {
    return readFileSync(lock, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

const owner = (): string => `${process.pid} ${startOf(process.pid)}`;

function isAlive(holder: string): boolean {
  const [pid = "", started = ""] = holder.split(" ");
  if (!/^[1-9]\d*$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // Somebody else's process may not be asked, but it is there. Everything else is no process.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  // A process id is used again, in a container nearly always: only with the same start is it the same process.
  return startOf(Number(pid)) === started;
}

/** The 22nd field of /proc/<pid>/stat (proc(5)); empty where there is no such file. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
