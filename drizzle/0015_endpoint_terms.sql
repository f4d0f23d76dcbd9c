DROP INDEX "webhook_deliveries_waiting";--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD COLUMN "term" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD COLUMN "not_before" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD COLUMN "hurried_from" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD COLUMN "extra_attempts" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "term" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "recovered_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "webhook_endpoints" ADD COLUMN "tend_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "webhook_endpoints_tended" ON "webhook_endpoints" USING btree ("tend_at") WHERE tend_at is not null;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_waiting" ON "webhook_deliveries" USING btree ("workspace_id","endpoint_id","term",(hurried_from is null),"due_at") WHERE status = 'scheduled';--> statement-breakpoint
-- What still waits for an endpoint that went out of service before there were terms is of an earlier one.
UPDATE "webhook_endpoints" SET "term" = 1 WHERE NOT "enabled";--> statement-breakpoint
UPDATE "webhook_endpoints" AS e SET "tend_at" = now() WHERE NOT e."enabled" AND EXISTS (
  SELECT 1 FROM "webhook_deliveries" AS d WHERE d."workspace_id" = e."workspace_id" AND d."endpoint_id" = e."id" AND d."status" IN ('ready', 'scheduled'));

