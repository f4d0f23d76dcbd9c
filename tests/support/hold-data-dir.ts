import { createInterface } from "node:readline";
import { keptSecret, lockDataDir } from "../../src/db/data-dir.ts";

/** A process that does as it is told, line by line, with the folder it was started on, and answers each line with one. */
const folder = process.argv[2]!;
let release = (): void => {};

const commands: Record<string, () => string> = {
  lock() {
    release = lockDataDir(folder);
    return "held";
  },
  release() {
    release();
    return "released";
  },
  secret: () => keptSecret(folder, "secret"),
};

const say = (line: string) => void process.stdout.write(`${line}\n`);
createInterface({ input: process.stdin }).on("line", (line) => {
  try {
    say(commands[line]!());
  } catch (error) {
    say(`refused: ${(error as Error).message}`);
  }
});
say("ready");
