import { z } from "zod";
import { adminRead, adminWrite, read, router } from "../trpc/procedure.ts";
import { UpdateSettings, Workspace, WorkspaceSettings } from "./contract.ts";
import { findSettings, findWorkspace, lockSettings } from "./find-workspace.ts";
import { updateSettings } from "./update-settings.ts";

export const workspaceRouter = router({
  get: read({
    route: "GET /v1/workspace",
    name: "getWorkspace",
    summary: "Get the workspace",
    description: "The business that the API key belongs to.",
    input: z.strictObject({}),
    output: Workspace,
    run: findWorkspace,
  }),
  getSettings: adminRead({
    route: "GET /v1/workspace/settings",
    name: "getWorkspaceSettings",
    summary: "Get the workspace's settings",
    description: "The settings that the workspace decides for itself.",
    input: z.strictObject({}),
    output: WorkspaceSettings,
    run: findSettings,
  }),
  updateSettings: adminWrite({
    route: "PATCH /v1/workspace/settings",
    name: "updateWorkspaceSettings",
    summary: "Update the workspace's settings",
    description:
      "Changes the fields that are named, and in `agent` the fields that are named there. Setting a field to its present value changes nothing. The audit log keeps what was changed, with the old and the new value.",
    input: UpdateSettings,
    output: WorkspaceSettings,
    current: { read: lockSettings, output: WorkspaceSettings },
    run: updateSettings,
  }),
});
