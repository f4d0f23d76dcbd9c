import { TRPCError, type TRPC_ERROR_CODE_KEY } from "@trpc/server";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import { ApiError, asApiError, type ErrorCode, type Problem } from "../core/errors.ts";

const trpcCodes: Record<number, TRPC_ERROR_CODE_KEY> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  402: "PAYMENT_REQUIRED",
  403: "FORBIDDEN",
  404: "NOT_FOUND",
  405: "METHOD_NOT_SUPPORTED",
  409: "CONFLICT",
  412: "PRECONDITION_FAILED",
  413: "PAYLOAD_TOO_LARGE",
  415: "UNSUPPORTED_MEDIA_TYPE",
  422: "UNPROCESSABLE_CONTENT",
  429: "TOO_MANY_REQUESTS",
  500: "INTERNAL_SERVER_ERROR",
  502: "BAD_GATEWAY",
  503: "SERVICE_UNAVAILABLE",
  504: "GATEWAY_TIMEOUT",
};

const trpcCodeOf = (status: number): TRPC_ERROR_CODE_KEY => trpcCodes[status] ?? "INTERNAL_SERVER_ERROR";

/** A problem in the shape in which the typed client reads errors, also those of the front door. */
export function asRpcError(problem: Problem, path: string | null) {
  const code = trpcCodeOf(problem.status);
  return { message: problem.detail, code: TRPC_ERROR_CODES_BY_KEY[code], data: { code, httpStatus: problem.status, path, problem } };
}

/** What tRPC itself refuses before a procedure is reached. */
const ownRefusals: Partial<Record<TRPC_ERROR_CODE_KEY, ErrorCode>> = {
  PARSE_ERROR: "malformed_json",
  BAD_REQUEST: "validation_failed",
  NOT_FOUND: "not_found",
  METHOD_NOT_SUPPORTED: "method_not_allowed",
  PAYLOAD_TOO_LARGE: "payload_too_large",
  UNSUPPORTED_MEDIA_TYPE: "unsupported_media_type",
};

/** The registry's error as tRPC carries one. */
export function asTrpcError(error: unknown): TRPCError {
  const refused = error instanceof TRPCError ? apiErrorOf(error) : asApiError(error);
  return new TRPCError({ code: trpcCodeOf(refused.status), message: refused.message, cause: refused });
}

/** The registry's error inside a tRPC error. What came from elsewhere says nothing of itself. */
export function apiErrorOf(error: TRPCError): ApiError {
  if (error.cause instanceof ApiError) return error.cause;
  if (error.code === "BAD_REQUEST" && error.cause instanceof SyntaxError)
    return new ApiError("malformed_json", { detail: "The input is not JSON.", cause: error });
  const refusal = ownRefusals[error.code];
  return refusal ? new ApiError(refusal, { detail: `${error.message}.`, cause: error }) : asApiError(error.cause ?? error);
}
