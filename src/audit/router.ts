import { adminRead, adminStream, router } from "../trpc/procedure.ts";
import { AuditEntry, AuditEntryList, ExportAuditLog, ListAuditLog } from "./contract.ts";
import { exportAuditLog, listAuditLog } from "./list-audit-log.ts";

export const auditLogRouter = router({
  list: adminRead({
    route: "GET /v1/audit_log",
    name: "listAuditLog",
    summary: "List the audit log",
    description: "Who did what, the newest first. The database itself refuses to change an entry or to take one away.",
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
      "All of it, or what the filters choose, the newest first: one JSON object a line, as fast as it is read. An answer that breaks off is not complete.",
    input: ExportAuditLog,
    output: AuditEntry,
    run: exportAuditLog,
  }),
});
