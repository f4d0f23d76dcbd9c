/** Why an attempt failed, as its log says it. */
export const attemptErrors = [
  "timeout",
  "dns",
  "connection_refused",
  "connection_reset",
  "tls",
  "blocked_address",
  "non_2xx",
  "invalid_response",
] as const;
export type AttemptError = (typeof attemptErrors)[number];

export interface PostRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

export interface PostOutcome {
  /** Null, like the response's headers and body, when no response came. */
  status_code: number | null;
  /** Null is success: a 2xx whose head came in time. */
  error: AttemptError | null;
  duration_ms: number;
  /** Repeated ones joined; the first 4 Ki characters. */
  response_headers: Record<string, string> | null;
  /** Its beginning, read as UTF-8. */
  response_body: string | null;
  /** Null when no connection was made. */
  remote_address: string | null;
}

/** Where webhooks leave the building. */
export interface Poster {
  /** Makes one attempt. It never throws: whatever happens is an outcome. */
  post(request: PostRequest): Promise<PostOutcome>;
  /** Waits for the attempts that are under way and closes every connection. */
  close(): Promise<void>;
}
