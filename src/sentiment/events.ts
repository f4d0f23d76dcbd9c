import { z } from "zod";
import { idField } from "../core/fields.ts";
import { defineEvent } from "../webhooks/define-event.ts";

export const SentimentLabel = z.enum(["negative", "neutral", "positive"]);

export const sentimentResult = defineEvent({
  type: "sentiment_result",
  status: "roadmap",
  summary: "A conversation's mood was classified",
  description:
    "The background job has classified what the contact wrote: when the conversation closed, or was quiet for a while. Again only after the contact has written again.",
  data: z
    .object({
      conversation_id: idField("conv"),
      score: z
        .number()
        .min(-1)
        .max(1)
        .meta({ description: "From -1, negative, to 1, positive.", examples: [0.64] }),
      label: SentimentLabel.meta({ examples: ["positive"] }),
      model: z.string().meta({ description: "What classified it.", examples: ["local/sentiment-1"] }),
    })
    .meta({ id: "SentimentResultData", description: "How the contact felt." }),
});
