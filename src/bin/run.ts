import { inOneLine } from "./log.ts";

/** Runs a command of the shell: what goes wrong is one line on stderr, and exit code 1. */
export function run(main: () => Promise<void>): void {
  main().catch((error: unknown) => {
    console.error(inOneLine(error));
    process.exit(1);
  });
}
