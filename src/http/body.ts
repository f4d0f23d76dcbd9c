import { ApiError, invalid } from "../core/errors.ts";
import { unknownField } from "../core/faults.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

/** The body as one JSON object; nothing at all counts as an empty one. */
export async function readJsonBody(request: Request, in_path: string[]): Promise<Record<string, unknown>> {
  const bytes = await readBytes(request);
  if (bytes.byteLength === 0) return {};
  assertJson(request.headers);
  const body = parse(bytes);
  if (body === null || typeof body !== "object" || Array.isArray(body)) {
    throw new ApiError("malformed_json", { detail: "The body must be a JSON object." });
  }
  const twice = in_path.filter((name) => Object.hasOwn(body, name));
  if (twice.length > 0) {
    throw invalid(...twice.map((name) => unknownField([name], `${name} belongs in the path.`)));
  }
  return body as Record<string, unknown>;
}

export const readBytes = (request: Request): Promise<ArrayBuffer> =>
  request.arrayBuffer().catch((cause: unknown) => {
    throw cutShort(cause);
  });

/** The connection broke off: nobody will read the answer, and nothing here is at fault. */
export const cutShort = (cause: unknown): ApiError => new ApiError("malformed_json", { detail: "The body broke off.", cause });

/** RFC 8259 knows no charset but UTF-8; `application/problem+json` and the like are other types, a compressed body another coding. */
export function assertJson(headers: Headers): void {
  const coding = headers.get("content-encoding") ?? "identity";
  if (coding !== "identity") throw new ApiError("unsupported_media_type", { detail: "Send the body without a content encoding." });
  const [type = "", ...parameters] = (headers.get("content-type") ?? "")
    .toLowerCase()
    .split(";")
    .map((part) => part.trim());
  const charset = parameters
    .find((parameter) => parameter.startsWith("charset="))
    ?.slice(8)
    .replaceAll('"', "");
  if (type === "application/json" && (charset === undefined || charset === "utf-8")) return;
  throw new ApiError("unsupported_media_type", { detail: "Send the body as application/json in UTF-8." });
}

function parse(bytes: ArrayBuffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new ApiError("malformed_json", { cause });
  }
}
