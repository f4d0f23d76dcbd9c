import { z } from "zod";
import { adminRead, adminWrite, anyRead, anyWrite, memberWrite, router } from "../trpc/procedure.ts";
import { ApiKey, ApiKeyList, ApiKeyRef, CreateApiKey, CreatedApiKey, ListApiKeys, Me, UpdateApiKey } from "./contract.ts";
import { createUsableApiKey } from "./create-api-key.ts";
import { describeMe } from "./describe-me.ts";
import { findApiKey, listApiKeys } from "./find-api-key.ts";
import { revokeApiKey, revokeCurrentApiKey } from "./revoke-api-key.ts";
import { updateApiKey } from "./update-api-key.ts";

export const meRouter = router({
  get: anyRead({
    route: "GET /v1/me",
    name: "getMe",
    summary: "Who am I?",
    description: "The API key that makes the request and the workspace it belongs to: the first call of every integration.",
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
    description: "The workspace's keys, the newest first, with those that were revoked. Keys are made in the portal.",
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
    description: "Ends a key for good: the very next request with it is refused. Who revoked it is in the audit log.",
    input: ApiKeyRef,
    output: ApiKey,
    run: revokeApiKey,
  }),
  revokeCurrent: anyWrite({
    route: "POST /v1/api_keys/current/revoke",
    name: "revokeCurrentApiKey",
    summary: "Revoke the key that asks",
    description: "A key that has leaked can end itself, whatever its scopes. The answer is the last one it gets.",
    input: z.strictObject({}),
    output: ApiKey,
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
