import { z } from "zod";
import { idField } from "../core/fields.ts";
import { defineEvent } from "../webhooks/define-event.ts";

export const SentimentLabel = z.enum(["negative", "neutral", "positive"]).meta({ description: "The score in a word." });

export const sentimentResult = defineEvent({
  type: "sentiment_result",
  status: "roadmap",
  summary: "A conversation's sentiment was scored",
  description:
    "Sent when what the contact wrote was scored: after the conversation closed, or after a while without messages. It is scored again only after the contact has written again.",
  data: z
    .object({
      conversation_id: idField("conv"),
      score: z
        .number()
        .min(-1)
        .max(1)
        .meta({ description: "From -1, negative, to 1, positive.", examples: [0.64] }),
      label: SentimentLabel.meta({ description: "The score in a word.", examples: ["positive"] }),
      model: z.string().meta({ description: "The model that scored it.", examples: ["local/sentiment-1"] }),
    })
    .meta({ id: "SentimentResultData", description: "The sentiment of what the contact wrote." }),
});
