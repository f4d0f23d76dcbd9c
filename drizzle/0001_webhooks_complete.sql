CREATE TABLE "jobs" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"kind" text NOT NULL,
	"input" jsonb NOT NULL,
	"status" text NOT NULL,
	"position" text,
	"processed" integer DEFAULT 0 NOT NULL,
	"total" integer,
	"error" text,
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"lease_id" uuid,
	"lease_until" timestamp (3) with time zone,
	"completed_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "jobs_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "webhook_endpoint_hours" (
	"workspace_id" uuid NOT NULL,
	"endpoint_id" uuid NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"succeeded" integer NOT NULL,
	"failed" integer NOT NULL,
	CONSTRAINT "webhook_endpoint_hours_workspace_id_endpoint_id_hour_pk" PRIMARY KEY("workspace_id","endpoint_id","hour")
);
--> statement-breakpoint
ALTER TABLE "webhook_attempts" DROP CONSTRAINT "webhook_attempts_workspace_id_delivery_id_webhook_deliveries_workspace_id_id_fk";
--> statement-breakpoint
DROP INDEX "webhook_deliveries_by_event";--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "channel" text;--> statement-breakpoint
UPDATE "events" SET "channel" = "conversations"."channel" FROM "conversations" WHERE "conversations"."workspace_id" = "events"."workspace_id" AND "conversations"."id" = "events"."conversation_id";--> statement-breakpoint
ALTER TABLE "events" ALTER COLUMN "channel" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "events" ADD COLUMN "is_test" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "sealed_headers" text;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "event_retention_days" integer DEFAULT 30 NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhook_endpoint_hours" ADD CONSTRAINT "webhook_endpoint_hours_workspace_id_endpoint_id_webhook_endpoints_workspace_id_id_fk" FOREIGN KEY ("workspace_id","endpoint_id") REFERENCES "public"."webhook_endpoints"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "jobs_ready" ON "jobs" USING btree ("workspace_id","id","due_at") WHERE status = 'ready';--> statement-breakpoint
CREATE INDEX "jobs_scheduled" ON "jobs" USING btree ("due_at") WHERE status = 'scheduled';--> statement-breakpoint
CREATE INDEX "jobs_leased" ON "jobs" USING btree ("workspace_id","id") WHERE status = 'running';--> statement-breakpoint
CREATE INDEX "jobs_leases" ON "jobs" USING btree ("lease_until") WHERE status = 'running';--> statement-breakpoint
CREATE INDEX "webhook_endpoint_hours_hour_index" ON "webhook_endpoint_hours" USING btree ("hour");--> statement-breakpoint
ALTER TABLE "webhook_attempts" ADD CONSTRAINT "webhook_attempts_workspace_id_delivery_id_webhook_deliveries_workspace_id_id_fk" FOREIGN KEY ("workspace_id","delivery_id") REFERENCES "public"."webhook_deliveries"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_failed" ON "webhook_deliveries" USING btree ("workspace_id","id") WHERE status = 'failed';--> statement-breakpoint
CREATE UNIQUE INDEX "webhook_deliveries_by_event" ON "webhook_deliveries" USING btree ("workspace_id","event_id","endpoint_id");