import { adminRead, adminStream, router } from "../trpc/procedure.ts";
import { AuditEntry, AuditEntryList, ExportAuditLog, ListAuditLog } from "./contract.ts";
import { exportAuditLog, listAuditLog } from "./list-audit-log.ts";

export const auditLogRouter = router({
  list: adminRead({
    route: "GET /v1/audit_log",
    name: "listAuditLog",
    summary: "List the audit log",
    description: "Who did what, the newest first. The database itself refuses to change or delete an entry.",
    input: ListAuditLog,
    output: AuditEntryList,
    errors: ["invalid_cursor"],
    run: listAuditLog,
  }),
  export: adminStream({
    route: "GET /v1/audit_log/export",
    name: "exportAuditLog",
    summary: "Export the audit log",
    description:
      "The whole log, or what the filters select, the newest first: one JSON object on each line, sent as fast as you read it. If the connection breaks, the export is not complete: start it again.",
    input: ExportAuditLog,
    output: AuditEntry,
    run: exportAuditLog,
  }),
});
