CREATE TABLE "template_syncs" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"status" text NOT NULL,
	"due_at" timestamp (3) with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"lease_id" uuid,
	"lease_until" timestamp (3) with time zone,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "template_syncs_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "message_templates" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"account_id" text NOT NULL,
	"external_id" text NOT NULL,
	"name" text NOT NULL,
	"language" text NOT NULL,
	"category" text,
	"status" text NOT NULL,
	"quality" text,
	"rejected_reason" text,
	"parameter_format" text NOT NULL,
	"components" jsonb NOT NULL,
	"synced_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	"updated_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "message_templates_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "credential_fields" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "template_account" text;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "error" jsonb;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "verified_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "channels" ADD COLUMN "deleted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "whatsapp_templates" text DEFAULT 'anytime' NOT NULL;--> statement-breakpoint
ALTER TABLE "template_syncs" ADD CONSTRAINT "template_syncs_workspace_id_id_channels_workspace_id_id_fk" FOREIGN KEY ("workspace_id","id") REFERENCES "public"."channels"("workspace_id","id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "message_templates" ADD CONSTRAINT "message_templates_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "template_syncs_ready" ON "template_syncs" USING btree ("workspace_id","id","due_at") WHERE status = 'ready';--> statement-breakpoint
CREATE INDEX "template_syncs_scheduled" ON "template_syncs" USING btree ("due_at") WHERE status = 'scheduled';--> statement-breakpoint
CREATE INDEX "template_syncs_leases" ON "template_syncs" USING btree ("lease_until") WHERE status = 'syncing';--> statement-breakpoint
CREATE UNIQUE INDEX "message_templates_name" ON "message_templates" USING btree ("workspace_id","account_id","name","language");--> statement-breakpoint
CREATE UNIQUE INDEX "channels_account" ON "channels" USING btree ("workspace_id","provider","account_id") WHERE deleted_at is null and provider <> 'sandbox';