import { meRouter } from "./api-keys/router.ts";
import { contactsRouter } from "./contacts/router.ts";
import { conversationsRouter, messagesRouter } from "./conversations/router.ts";
import { router } from "./trpc/procedure.ts";
import { webhookDeliveriesRouter, webhookEndpointsRouter, webhookSecretRouter } from "./webhooks/router.ts";

/** Every operation there is. */
export const appRouter = router({
  me: meRouter,
  contacts: contactsRouter,
  conversations: conversationsRouter,
  messages: messagesRouter,
  webhookEndpoints: webhookEndpointsRouter,
  webhookDeliveries: webhookDeliveriesRouter,
  webhookSecret: webhookSecretRouter,
});

export type AppRouter = typeof appRouter;
