import type { Config } from "../config.ts";
import type { Demo } from "./demo-workspace.ts";

/** Where everything is; and, this once, the credentials. */
export function printWelcome({ public_url, database }: Config, demo: Demo | undefined): void {
  console.log(`
Wassla is ready at ${public_url}

  REST       ${public_url}/v1
  Reference  ${public_url}/docs
  OpenAPI    ${public_url}/openapi.json
  Health     ${public_url}/readyz${database.kind === "embedded" ? `\n  Data       ${database.data_dir}` : ""}`);
  if (!demo) return;
  console.log(`
A demo workspace has been made. Its credentials are shown this once:

  API key         ${demo.api_key}
  Webhook secret  ${demo.webhook_secret}
  Portal sign-in  ${demo.owner.email}  ${demo.owner.password}

Try it:

  curl ${public_url}/v1/conversations -H "Authorization: Bearer ${demo.api_key}"

Write to the demo as a visitor of a website would:

  ${public_url}/widget/demo?channel_id=${demo.widget_channel_id}
`);
}
