CREATE TABLE "contact_watermarks" (
	"workspace_id" uuid NOT NULL,
	"channel_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"value" text NOT NULL,
	"delivered_until" timestamp (3) with time zone,
	"read_until" timestamp (3) with time zone,
	CONSTRAINT "contact_watermarks_workspace_id_channel_id_kind_value_pk" PRIMARY KEY("workspace_id","channel_id","kind","value")
);
--> statement-breakpoint
ALTER TABLE "contact_channels" ADD COLUMN "opted_out_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "human_agent" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "messages" ADD COLUMN "revised_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "contact_watermarks" ADD CONSTRAINT "contact_watermarks_workspace_id_channel_id_channels_workspace_id_id_fk" FOREIGN KEY ("workspace_id","channel_id") REFERENCES "public"."channels"("workspace_id","id") ON DELETE no action ON UPDATE no action;