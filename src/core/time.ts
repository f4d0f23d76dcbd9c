/** An instant on every surface: RFC 3339, UTC, milliseconds. Such strings sort in order of time. */
export type Timestamp = string;

/** The application's clock. A parameter everywhere, so that in a test a day passes in a millisecond. */
export type Clock = () => Timestamp;

/** Asked several times for each request: within a millisecond the text is the same. */
export const systemClock: Clock = () => {
  const now_ms = Date.now();
  if (now_ms !== latest_ms) [latest_ms, latest_text] = [now_ms, timestamp(now_ms)];
  return latest_text;
};
let latest_ms = 0;
let latest_text: Timestamp = "";

export const timestamp = (epoch_ms: number): Timestamp => new Date(epoch_ms).toISOString();

export const epochMs = (at: Timestamp): number => Date.parse(at);

export const after = (at: Timestamp, ms: number): Timestamp => timestamp(epochMs(at) + ms);

/** The same for a moment that somebody asks about, which may be the first there is. */
export const shifted = (at: Timestamp, ms: number): Timestamp => timestamp(Math.max(0, epochMs(at) + ms));

export const msBetween = (from: Timestamp, to: Timestamp): number => epochMs(to) - epochMs(from);

/** How long something lasted, as it is told to people. */
export const secondsBetween = (from: Timestamp, to: Timestamp): number => Math.round(msBetween(from, to) / 1000);

export const earliest = (a: Timestamp, b: Timestamp): Timestamp => (a < b ? a : b);
export const latest = (a: Timestamp, b: Timestamp): Timestamp => (a > b ? a : b);

export const seconds = (n: number): number => n * 1000;
export const minutes = (n: number): number => n * 60_000;
export const hours = (n: number): number => n * 3_600_000;
