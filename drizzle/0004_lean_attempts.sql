ALTER TABLE "webhook_attempts" DROP CONSTRAINT "webhook_attempts_workspace_id_delivery_id_webhook_deliveries_workspace_id_id_fk";
--> statement-breakpoint
DROP INDEX "webhook_attempts_workspace_id_delivery_id_number_index";--> statement-breakpoint
DROP INDEX "webhook_deliveries_leases";--> statement-breakpoint
ALTER TABLE "webhook_attempts" DROP CONSTRAINT "webhook_attempts_workspace_id_id_pk";--> statement-breakpoint
ALTER TABLE "webhook_attempts" ADD CONSTRAINT "webhook_attempts_workspace_id_delivery_id_number_pk" PRIMARY KEY("workspace_id","delivery_id","number");