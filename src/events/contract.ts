import { z } from "zod";
import { idField, listOf, Moment, pageInput, Timestamp } from "../core/fields.ts";
import { EventName } from "../webhooks/contract.ts";

/** In the document it is one of the events' own schemas. Here nothing is taken away from what was stored. */
export const EventPayload = z.record(z.string(), z.unknown()).meta({ id: "EventPayload" });

export const Event = z
  .object({
    id: idField("evt"),
    object: z.literal("event"),
    type: EventName,
    created_at: Timestamp,
    payload: EventPayload,
  })
  .meta({ id: "Event", description: "Something that happened; `payload` is the object that is posted to webhooks." });
export type Event = z.input<typeof Event>;

export const EventRef = z.strictObject({ event_id: idField("evt") });
export type EventRef = z.output<typeof EventRef>;

export const ListEvents = z.strictObject({
  type: z.array(EventName).meta({ description: "One or more; repeat the parameter." }).optional(),
  conversation_id: idField("conv").optional(),
  created_after: Moment.optional(),
  ...pageInput,
});
export type ListEvents = z.output<typeof ListEvents>;
export const EventList = listOf(Event, "EventList");

export const EventTypeEntry = z
  .object({
    object: z.literal("event_type"),
    type: z.string(),
    status: z.enum(["available", "roadmap"]).meta({
      description: "`roadmap`: announced, and not sent yet. One that has an example can be subscribed to and tried out before.",
    }),
    description: z.string().meta({ description: "When it happens." }),
    example_payload: EventPayload.nullable().meta({ description: "A body as it is posted; null while its shape is not settled." }),
  })
  .meta({
    id: "EventTypeEntry",
    description: "A kind of event.",
    examples: [
      {
        object: "event_type",
        type: "agent.handoff",
        status: "roadmap",
        description: "A conversation was handed from the AI agent to a person, or back.",
        example_payload: null,
      },
    ],
  });
export type EventTypeEntry = z.input<typeof EventTypeEntry>;

export const ListEventTypes = z.strictObject(pageInput);
export type ListEventTypes = z.output<typeof ListEventTypes>;
export const EventTypeList = listOf(EventTypeEntry, "EventTypeList");
