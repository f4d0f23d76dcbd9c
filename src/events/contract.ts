import { z } from "zod";
import { idField, listOf, Moment, pageInput, several, Timestamp } from "../core/fields.ts";
import { exampleId, story } from "../core/story.ts";
import { EventName } from "../webhooks/contract.ts";
import { examplePayload, payloadSchema } from "../webhooks/define-event.ts";
import { eventTypes } from "./catalogue.ts";

/** In the document it is one of the events' own schemas. Here nothing is taken away from what was stored. */
export const EventPayload = z.record(z.string(), z.unknown()).meta({ id: "EventPayload" });

const { new_message, sentiment_result } = eventTypes;
const example_payload = examplePayload(new_message);

export const Event = z
  .object({
    id: idField("evt"),
    object: z.literal("event"),
    type: EventName,
    created_at: Timestamp,
    payload: EventPayload,
  })
  .meta({
    id: "Event",
    description: "Something that happened; `payload` is the body that is posted to webhooks.",
    examples: [{ id: exampleId("evt"), object: "event", type: new_message.type, created_at: story.asked_at, payload: example_payload }],
  });
export type Event = z.input<typeof Event>;

export const EventRef = z.strictObject({ event_id: idField("evt") });
export type EventRef = z.output<typeof EventRef>;

export const ListEvents = z.strictObject({
  type: several(EventName),
  conversation_id: idField("conv").optional(),
  created_after: Moment.optional(),
  ...pageInput,
});
export type ListEvents = z.output<typeof ListEvents>;
export const EventList = listOf(Event, "EventList", "WyI3NDIxIiwiZXZ0XzAxbTgxYzFjYjBlOHI5dDJ5M3Y1bjdiMWM0Il0.2kJ9mQx7vR4");

export const EventTypeEntry = z
  .object({
    object: z.literal("event_type"),
    type: z.string().meta({ description: "Its name." }),
    status: z.enum(["available", "roadmap"]).meta({
      description:
        "`available`: it is sent; `roadmap`: it is announced, but not sent yet. One that has an example can be subscribed to and tried out before.",
    }),
    description: z.string().meta({ description: "When it is sent." }),
    example_payload: EventPayload.nullable().meta({
      description: "An example of the body that is posted; null while its shape is not settled.",
    }),
    payload_schema: z.record(z.string(), z.unknown()).nullable().meta({
      description:
        "The JSON Schema (2020-12) of the body that is posted, complete in itself: the same as in this document's `webhooks`. Null while its shape is not settled.",
    }),
  })
  .meta({
    id: "EventTypeEntry",
    description: "A kind of event.",
    examples: [
      {
        object: "event_type",
        type: sentiment_result.type,
        status: sentiment_result.status,
        description: sentiment_result.description,
        example_payload: examplePayload(sentiment_result),
        payload_schema: payloadSchema(sentiment_result),
      },
      {
        object: "event_type",
        type: "agent.handoff",
        status: "roadmap",
        description: "A conversation was handed from the AI agent to a person, or back.",
        example_payload: null,
        payload_schema: null,
      },
    ],
  });
export type EventTypeEntry = z.input<typeof EventTypeEntry>;

export const ListEventTypes = z.strictObject(pageInput);
export type ListEventTypes = z.output<typeof ListEventTypes>;
export const EventTypeList = listOf(EventTypeEntry, "EventTypeList");
