import type { Channel } from "../../src/channels/contract.ts";
import { epochMs } from "../../src/core/time.ts";
import type { Template, TemplateSync } from "../../src/templates/contract.ts";
import { callbackOf, credentials, signed } from "./channels.ts";
import { accepting, answering, createGraphTwin } from "./graph-twin.ts";
import { createWorld } from "./world.ts";

/** A template as Meta lists it. */
export const listed = (name: string, language: string, components: object[], more: object = {}) => ({
  id: `${name}-${language}`,
  name,
  language,
  status: "APPROVED",
  category: "UTILITY",
  parameter_format: "POSITIONAL",
  quality_score: { score: "GREEN", date: 1674864290 },
  components,
  ...more,
});

export const body = (text: string) => ({ type: "BODY", text, example: { body_text: [["Sara"]] } });

/** Meta's list of an account's templates, on this machine: page by page, as many on each as were given for it. */
export async function createTemplatesTwin() {
  const twin = await createGraphTwin();
  const listing = { pages: [] as object[][], next: "https://elsewhere.invalid/v23.0/next?access_token=stolen" };
  twin.answer = (response, { method, path }) => {
    if (method === "POST") return accepting(`wamid.template.${twin.account_id}.${twin.asked.length}`)(response);
    const after = new URL(path, "http://twin").searchParams.get("after");
    const page = after === null ? 0 : Number(after.slice("page-".length));
    const has_more = page + 1 < listing.pages.length;
    const paging = { cursors: { before: "QVFI", after: `page-${page + 1}` }, ...(has_more && { next: listing.next }) };
    return answering(200, { data: listing.pages[page] ?? [], paging })(response);
  };
  return { twin, listing, waba_id: twin.account_id };
}

/** A workspace with a WhatsApp channel whose account has templates at that twin. */
export async function withTemplates(...pages: object[][]) {
  const { twin, listing, waba_id } = await createTemplatesTwin();
  listing.pages = pages;
  const world = await createWorld({ settings: { meta_graph_url: twin.url } });
  const tenant = await world.tenant();
  const { body: channel } = await tenant.post<Channel>("/v1/channels", {
    channel: "whatsapp",
    name: "Support",
    account_id: waba_id,
    credentials: { app_secret: credentials.app_secret, verify_token: "a word of ours", access_token: "EAAsecrettoken", waba_id },
  });
  const sync = async () => (await tenant.post<TemplateSync>("/v1/templates/sync", { channel_id: channel.id })).body;
  const templates = async (query = "") =>
    (await tenant.get<{ data: Template[] }>(`/v1/templates?limit=100&channel_id=${channel.id}${query}`)).body.data;
  const tell = async (field: string, value: object, at = world.now()) => {
    const said = callbackOf({ id: waba_id, time: Math.floor(epochMs(at) / 1000), changes: [{ field, value }] });
    return (await world.request(`/hooks/meta/${channel.id}`, { method: "POST", body: said, headers: signed(said) })).status;
  };
  return { world, tenant, twin, listing, waba_id, channel, sync, templates, tell };
}
