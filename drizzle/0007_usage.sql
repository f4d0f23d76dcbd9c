CREATE TABLE "handled_quarter_hours" (
	"workspace_id" uuid NOT NULL,
	"starts_at" timestamp (3) with time zone NOT NULL,
	"conversation_id" uuid NOT NULL,
	"channel" text NOT NULL,
	"channel_id" uuid NOT NULL,
	CONSTRAINT "handled_quarter_hours_workspace_id_starts_at_conversation_id_pk" PRIMARY KEY("workspace_id","starts_at","conversation_id")
);
--> statement-breakpoint
CREATE TABLE "ledger_entries" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"metric" text NOT NULL,
	"quantity" integer NOT NULL,
	"credits" numeric(14, 3) NOT NULL,
	"channel" text,
	"channel_id" uuid,
	"conversation_id" uuid,
	"message_id" uuid,
	"api_key_id" uuid,
	"xid" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"created_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "ledger_entries_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "usage_marks" (
	"workspace_id" uuid PRIMARY KEY NOT NULL,
	"summed_through" "xid8" DEFAULT '0' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "usage_quarter_hours" (
	"workspace_id" uuid NOT NULL,
	"starts_at" timestamp (3) with time zone NOT NULL,
	"metric" text NOT NULL,
	"channel_id" uuid DEFAULT '00000000-0000-0000-0000-000000000000' NOT NULL,
	"api_key_id" uuid DEFAULT '00000000-0000-0000-0000-000000000000' NOT NULL,
	"channel" text,
	"quantity" bigint NOT NULL,
	"credits" numeric(14, 3) NOT NULL,
	CONSTRAINT "usage_quarter_hours_workspace_id_starts_at_metric_channel_id_api_key_id_pk" PRIMARY KEY("workspace_id","starts_at","metric","channel_id","api_key_id")
);
--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "first_inbound_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "conversations" ADD COLUMN "handed_over_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "credits" numeric(14, 3) DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "plan" text DEFAULT 'starter' NOT NULL;--> statement-breakpoint
CREATE INDEX "ledger_entries_workspace_id_xid_index" ON "ledger_entries" USING btree ("workspace_id","xid");--> statement-breakpoint
UPDATE "conversations" SET "first_inbound_at" = "first"."at" FROM (SELECT "workspace_id", "conversation_id", min("created_at") AS "at" FROM "messages" WHERE "direction" = 'inbound' GROUP BY 1, 2) AS "first" WHERE "first"."workspace_id" = "conversations"."workspace_id" AND "first"."conversation_id" = "conversations"."id";--> statement-breakpoint
UPDATE "conversations" SET "handed_over_at" = "last"."at" FROM (SELECT "workspace_id", "target_id", max("created_at") AS "at" FROM "audit_log" WHERE "action" = 'conversation.handed_off' AND "details" ->> 'from' = 'ai' AND "details" ->> 'to' = 'human' GROUP BY 1, 2) AS "last" WHERE "last"."workspace_id" = "conversations"."workspace_id" AND "last"."target_id" = "conversations"."id"::text;--> statement-breakpoint
INSERT INTO "ledger_entries" ("workspace_id", "id", "metric", "quantity", "credits", "channel", "channel_id", "conversation_id", "message_id", "created_at") SELECT "workspace_id", "id", 'messages_' || "direction", 1, 0, "channel", "channel_id", "conversation_id", "id", "created_at" FROM "messages";
