import { Moment, textField } from "./fields.ts";
import { epochMs, minutes } from "./time.ts";

/** As the IANA writes its names. A bare offset such as `+02:00` is none: it knows nothing of summer. */
const name_like = /^[A-Z][\w+-]*(\/[A-Z][\w+-]*)*$/;

export const TimeZone = textField(64)
  .refine((name) => name_like.test(name) && isKnown(name), {
    error: "Must be a time zone of the IANA database, such as Europe/Berlin.",
    params: { code: "invalid_timezone" },
  })
  .meta({ pattern: name_like.source, description: "The IANA time zone in which days begin and end.", examples: ["Europe/Berlin"] });

function isKnown(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

/** Every time zone's days and hours begin with a quarter of an hour. What is no moment at all is said by `Moment`. */
export const QuarterHour = Moment.refine((text) => !(epochMs(text) % minutes(15) > 0), {
  error: "Must be a whole quarter of an hour, such as 2026-11-22T10:15:00Z.",
  params: { code: "invalid_timestamp" },
}).meta({ format: "date-time", description: "A whole quarter of an hour, RFC 3339.", examples: ["2026-11-22T10:15:00Z"] });
