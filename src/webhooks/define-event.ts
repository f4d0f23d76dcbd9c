import { z } from "zod";
import { exampleOf, type Schema } from "../core/example.ts";
import { idField, Timestamp } from "../core/fields.ts";
import type { EventName } from "./contract.ts";

/** What an event is, once: the emitters, the document's `webhooks` section and the catalogue read it here. */
export interface EventType<D extends z.ZodType = z.ZodType> {
  type: EventName;
  /** `roadmap` until something sends it: it can be subscribed to and tried out before. */
  status: "available" | "roadmap";
  summary: string;
  description: string;
  data: D;
  /** The body that is posted. */
  payload: z.ZodType;
}

export function defineEvent<D extends z.ZodType>(event: Omit<EventType<D>, "payload">): EventType<D> {
  const name = event.type.replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase());
  const payload = z
    .object({
      id: idField("evt"),
      type: z.literal(event.type),
      timestamp: Timestamp,
      workspace_id: idField("ws"),
      data: event.data,
    })
    .meta({ id: `${name}Event`, description: event.summary });
  return { ...event, payload };
}

/** A body as it could be posted, made of the examples of its parts. */
export function examplePayload({ payload }: Pick<EventType, "payload">): Record<string, unknown> {
  const { $defs, ...schema } = z.toJSONSchema(payload) as Schema & { $defs: Record<string, Schema> };
  return payload.parse(exampleOf(schema, $defs)) as Record<string, unknown>;
}
