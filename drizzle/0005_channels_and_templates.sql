ALTER TABLE "channels" ADD COLUMN "credential_fields" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "error" jsonb;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "verified_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "deleted_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE UNIQUE INDEX "channels_account" ON "channels" USING btree ("workspace_id","provider","account_id") WHERE deleted_at is null and provider <> 'sandbox';