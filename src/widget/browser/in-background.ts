/** Nobody waits for it. What goes wrong all the same is told to the page's own error handling. */
export function inBackground(work: Promise<unknown>): void {
  work.catch((error: unknown) => reportError(error));
}
