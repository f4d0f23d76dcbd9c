CREATE TABLE "contact_renamings" (
	"workspace_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"previous" text NOT NULL,
	"renamed_at" timestamp (3) with time zone NOT NULL,
	"current" text NOT NULL,
	CONSTRAINT "contact_renamings_workspace_id_kind_previous_renamed_at_pk" PRIMARY KEY("workspace_id","kind","previous","renamed_at")
);
--> statement-breakpoint
ALTER TABLE "provider_events" ALTER COLUMN "raw" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "template_syncs" ADD COLUMN "wanted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "contact_renamings" ADD CONSTRAINT "contact_renamings_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "contact_renamings_workspace_id_kind_current_index" ON "contact_renamings" USING btree ("workspace_id","kind","current");--> statement-breakpoint
CREATE INDEX "contact_renamings_renamed_at_index" ON "contact_renamings" USING btree ("renamed_at");--> statement-breakpoint
CREATE INDEX "provider_events_told" ON "provider_events" USING btree ("workspace_id","channel_id","external_id") WHERE outcome <> 'held' and external_id is not null;--> statement-breakpoint
CREATE INDEX "provider_events_workspace_id_received_at_index" ON "provider_events" USING btree ("workspace_id","received_at");