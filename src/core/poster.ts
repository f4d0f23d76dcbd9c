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
  "service_error",
] as const;
export type AttemptError = (typeof attemptErrors)[number];

export interface PostRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
  /** Told when a connection carries it: what it waited for one before is nobody's delay but ours. */
  onCarried?: () => void;
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

/** What comes of an attempt for which nothing left the building. */
export const notSent = (error: AttemptError): PostOutcome => ({
  status_code: null,
  error,
  duration_ms: 0,
  response_headers: null,
  response_body: null,
  remote_address: null,
});

/** Where webhooks leave the building. */
export interface Poster {
  /** How much of what may be on the wire to an origin at once is free: from 0 to 1. Without any a post waits for its turn first. */
  roomAt(origin: string): number;
  /** Makes one attempt. It never throws: whatever happens is an outcome. */
  post(request: PostRequest): Promise<PostOutcome>;
  /** Waits for the attempts that are under way and closes every connection. */
  close(): Promise<void>;
}
