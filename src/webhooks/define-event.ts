import { z } from "zod";
import { exampleOf, nameOf, type Schema } from "../core/example.ts";
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

/** What a receiver may hold a body to (JSON Schema 2020-12). Fields may be added at any time, so that it refuses none that it does not name. */
export function payloadSchema({ payload }: Pick<EventType, "payload">): Record<string, unknown> {
  const { $defs, ...schema } = z.toJSONSchema(payload, {
    override: ({ jsonSchema }) => {
      delete jsonSchema.examples;
      if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
    },
  }) as Schema & { $defs: Record<string, Schema> };
  return whole(schema, $defs) as Record<string, unknown>;
}

/** Without references: whoever reads it as an example in the document would look for them there. */
function whole(node: unknown, $defs: Record<string, Schema>): unknown {
  if (Array.isArray(node)) return node.map((part) => whole(part, $defs));
  if (node === null || typeof node !== "object") return node;
  const { $ref, ...own } = node as Schema;
  const named = $ref === undefined ? own : { ...$defs[nameOf($ref)], ...own };
  return Object.fromEntries(Object.entries(named).map(([name, part]) => [name, whole(part, $defs)]));
}
