import { apiKeysRouter, meRouter } from "./api-keys/router.ts";
import { auditLogRouter } from "./audit/router.ts";
import { channelsRouter } from "./channels/router.ts";
import { contactsRouter } from "./contacts/router.ts";
import { conversationsRouter } from "./conversations/router.ts";
import { messagesRouter } from "./messages/router.ts";
import { eventsRouter, eventTypesRouter, webhookTestsRouter } from "./events/router.ts";
import { jobsRouter } from "./jobs/router.ts";
import { notesRouter } from "./notes/router.ts";
import { analyticsRouter } from "./analytics/router.ts";
import { billingRouter, usageRouter } from "./usage/router.ts";
import { rateLimitRouter } from "./rate-limits/router.ts";
import { teamMembersRouter } from "./team/router.ts";
import { ticketsRouter } from "./tickets/router.ts";
import { templatesRouter } from "./templates/router.ts";
import { mergeRouters, router } from "./trpc/procedure.ts";
import { workspaceRouter } from "./workspaces/router.ts";
import { webhookDeliveriesRouter, webhookEndpointsRouter, webhookSecretRouter } from "./webhooks/router.ts";

/** Every operation there is. */
export const appRouter = router({
  me: meRouter,
  workspace: workspaceRouter,
  rateLimit: rateLimitRouter,
  apiKeys: apiKeysRouter,
  auditLog: auditLogRouter,
  channels: channelsRouter,
  contacts: contactsRouter,
  conversations: conversationsRouter,
  messages: messagesRouter,
  notes: notesRouter,
  tickets: ticketsRouter,
  teamMembers: teamMembersRouter,
  templates: templatesRouter,
  events: eventsRouter,
  eventTypes: eventTypesRouter,
  webhookEndpoints: mergeRouters(webhookEndpointsRouter, webhookTestsRouter),
  webhookDeliveries: webhookDeliveriesRouter,
  webhookSecret: webhookSecretRouter,
  jobs: jobsRouter,
  usage: usageRouter,
  billing: billingRouter,
  analytics: analyticsRouter,
});

export type AppRouter = typeof appRouter;
