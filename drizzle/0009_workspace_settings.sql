ALTER TABLE "conversations" ADD COLUMN "resumed_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "timezone" text DEFAULT 'UTC' NOT NULL;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "inactivity_timeout_minutes" integer;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "default_handler_mode" text DEFAULT 'unassigned' NOT NULL;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "sentiment_enabled" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "agent" jsonb DEFAULT '{"name":"Assistant","instructions":null,"language":null}'::jsonb NOT NULL;--> statement-breakpoint
CREATE INDEX "audit_log_workspace_id_action_id_index" ON "audit_log" USING btree ("workspace_id","action","id");--> statement-breakpoint
CREATE INDEX "audit_log_workspace_id_actor_id_id_index" ON "audit_log" USING btree ("workspace_id","actor_id","id");--> statement-breakpoint
CREATE INDEX "audit_log_workspace_id_target_id_id_index" ON "audit_log" USING btree ("workspace_id","target_id","id");--> statement-breakpoint
CREATE INDEX "conversations_silent" ON "conversations" USING btree ("workspace_id",greatest(last_message_at, resumed_at),"id") WHERE status = 'open' and channel <> 'twilio_voice';--> statement-breakpoint
CREATE INDEX "workspaces_timed" ON "workspaces" USING btree ("id") WHERE inactivity_timeout_minutes is not null;--> statement-breakpoint
CREATE FUNCTION audit_log_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is only ever added to' USING ERRCODE = 'restrict_violation';
END
$$;
--> statement-breakpoint
CREATE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_log" FOR EACH STATEMENT EXECUTE FUNCTION audit_log_stays();
