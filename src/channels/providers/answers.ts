import type { NoAnswer, ProviderAnswer } from "./ask.ts";
import { denied, type Denial, type SendError, type SendOutcome, type Spelling } from "./provider.ts";

/** How a provider words its answers. */
export interface Wording {
  /** Whose word counts; whatever stands before it may answer too. */
  speaker: string;
  /** The provider's code for what it refused; null where it does not speak itself. */
  codeOf(said: unknown): string | null;
  /** `retryable`: it was certainly not done, and later it may be. */
  refusalOf(answer: Pick<ProviderAnswer, "status" | "said">): { error: SendError; retryable: boolean };
}

interface Sent {
  external_id: string;
  known_as?: Spelling | undefined;
}

/**
 * What became of a message; `readSent` finds its id in a good answer. `retry` only if it certainly was not sent: never
 * connected, or refused by the provider in so many words. What a gateway says of a request it passed on proves nothing.
 */
export function outcomeOf(answer: ProviderAnswer | NoAnswer, wording: Wording, readSent: (said: unknown) => Sent | null): SendOutcome {
  if ("outcome" in answer) return answer;
  const { status, ok, said, retry_after_ms } = answer;
  if (ok) {
    const sent = readSent(said);
    return sent ? { outcome: "sent", status: "sent", ...sent } : { outcome: "unknown", detail: `HTTP ${status} without the message's id.` };
  }
  if (status >= 500 && wording.codeOf(said) === null)
    return { outcome: "unknown", detail: `HTTP ${status}, and not from ${wording.speaker} itself.` };
  const { error, retryable } = wording.refusalOf(answer);
  return retryable ? { outcome: "retry", error, retry_after_ms } : { outcome: "failed", error };
}

/** What a question that only read was told, or why it was told nothing. */
export function toldBy(answer: ProviderAnswer | NoAnswer, wording: Wording): { ok: true; said: unknown } | Denial {
  if ("outcome" in answer) return unanswered(answer.outcome === "retry" ? answer.error.detail : answer.detail);
  if (answer.ok) {
    return answer.said === undefined ? unanswered("The answer broke off, or is not the provider's.") : { ok: true, said: answer.said };
  }
  const { error, retryable } = wording.refusalOf(answer);
  return { ok: false, error, is_passing: retryable || answer.status >= 500 };
}

const unanswered = (detail: string): Denial => denied("provider_unavailable", detail, { is_passing: true });
