import { z } from "zod";
import { adminRead, adminWrite, anyRead, anyWrite, memberWrite, router } from "../trpc/procedure.ts";
import { ApiKey, ApiKeyList, ApiKeyRef, CreateApiKey, CreatedApiKey, ListApiKeys, Me, RevokedApiKey, UpdateApiKey } from "./contract.ts";
import { createUsableApiKey } from "./create-api-key.ts";
import { describeMe } from "./describe-me.ts";
import { findApiKey, listApiKeys } from "./find-api-key.ts";
import { revokeApiKey, revokeCurrentApiKey } from "./revoke-api-key.ts";
import { updateApiKey } from "./update-api-key.ts";

export const meRouter = router({
  get: anyRead({
    route: "GET /v1/me",
    name: "getMe",
    summary: "Get the current API key and workspace",
    description: "The API key that makes the request, and the workspace it belongs to: a good first call of every integration.",
    input: z.strictObject({}),
    output: Me,
    run: describeMe,
  }),
});

export const apiKeysRouter = router({
  list: adminRead({
    route: "GET /v1/api_keys",
    name: "listApiKeys",
    summary: "List API keys",
    description: "The workspace's keys, the newest first, including expired and revoked ones. Keys are created in the portal.",
    input: ListApiKeys,
    output: ApiKeyList,
    errors: ["invalid_cursor"],
    run: listApiKeys,
  }),
  get: adminRead({
    route: "GET /v1/api_keys/{api_key_id}",
    name: "getApiKey",
    summary: "Get an API key",
    description: "One key: what it may do, when it was last used, and whether it still works.",
    input: ApiKeyRef,
    output: ApiKey,
    run: findApiKey,
  }),
  revoke: adminWrite({
    route: "POST /v1/api_keys/{api_key_id}/revoke",
    name: "revokeApiKey",
    summary: "Revoke an API key",
    description: "Ends a key for good: the next request with it is refused. The audit log keeps who revoked it.",
    input: ApiKeyRef,
    output: RevokedApiKey,
    run: revokeApiKey,
  }),
  revokeCurrent: anyWrite({
    route: "POST /v1/api_keys/current/revoke",
    name: "revokeCurrentApiKey",
    summary: "Revoke the current API key",
    description:
      "Ends the key that makes this request, whatever its scopes, for instance because it has leaked. Every later request with it is refused.",
    input: z.strictObject({}),
    output: RevokedApiKey,
    run: revokeCurrentApiKey,
  }),
  create: memberWrite({
    name: "createApiKey",
    input: CreateApiKey,
    output: CreatedApiKey,
    run: createUsableApiKey,
  }),
  update: memberWrite({
    name: "updateApiKey",
    subject: "api_key_id",
    input: UpdateApiKey,
    output: ApiKey,
    run: updateApiKey,
  }),
});
