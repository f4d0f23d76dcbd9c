import { randomBytes } from "node:crypto";
import { ChannelKind, type CreateChannel } from "../channels/contract.ts";
import { connectChannel } from "../channels/create-channel.ts";
import type { Actor, Ctx } from "../core/context.ts";
import type { Id } from "../core/ids.ts";
import { atomically } from "../db/atomically.ts";
import { createLogin, linkMember } from "../sessions/create-login.ts";
import { hashPassword } from "../sessions/password.ts";
import { inviteMember } from "../team/invite-member.ts";
import { joinTeam } from "../team/join-team.ts";
import { scopesOf } from "../team/roles.ts";
import { demoTeam, type Colleague } from "./demo-letters.ts";

/** The workspace and who is in it: each of the team is somebody who can act. */
export interface Stage {
  ctx: Ctx;
  channel_ids: Record<ChannelKind, Id<"chan">>;
  team: Record<Colleague, Extract<Actor, { type: "member" }>>;
}

const channelNames: Record<ChannelKind, string> = {
  whatsapp: "WhatsApp",
  instagram: "Instagram",
  facebook_page: "Facebook Page",
  twilio_sms: "SMS",
  twilio_voice: "Phone",
  web_widget: "Website",
};

/** All of the sandbox but the widget, for which nobody outside is needed. */
export async function openChannels(ctx: Ctx): Promise<Stage["channel_ids"]> {
  const opened: Partial<Stage["channel_ids"]> = {};
  for (const channel of ChannelKind.options) {
    const account = channel === "web_widget" ? widgetOf(ctx) : sandboxOf(ctx, channel);
    opened[channel] = (await atomically(ctx, (tx) => connectChannel(tx, account))).id;
  }
  return opened as Stage["channel_ids"];
}

const sandboxOf = (ctx: Ctx, channel: ChannelKind): CreateChannel => ({
  channel,
  provider: "sandbox",
  name: `${channelNames[channel]} (sandbox)`,
  account_id: "sandbox",
  credentials: { token: ctx.newId("chan") },
});

/** It works on the demo's own page. */
function widgetOf(ctx: Ctx): CreateChannel {
  const { origin } = new URL(ctx.settings.public_url);
  return {
    channel: "web_widget",
    name: channelNames.web_widget,
    account_id: "website",
    credentials: {
      allowed_origins: [origin, origin.replace("//127.0.0.1", "//localhost")],
      identity_secret: `${ctx.newId("chan")}${ctx.newId("chan")}`,
    },
  };
}

export async function gatherTeam(ctx: Ctx): Promise<Stage["team"]> {
  const team: Partial<Stage["team"]> = {};
  for (const [called, { email, name, role, ...rest }] of Object.entries(demoTeam)) {
    const { id } = await atomically(ctx, (tx) => inviteMember(tx, { email, name, role }));
    if ("invited_only" in rest) continue;
    await atomically(ctx, (tx) => joinTeam(tx, { team_member_id: id }));
    team[called as Colleague] = { type: "member", id, name, scopes: scopesOf(role) };
  }
  return team as Stage["team"];
}

/** One of the team can sign in to the portal, with a password that is shown once. */
export async function letIn(ctx: Ctx, called: Colleague, { team }: Stage): Promise<{ email: string; password: string }> {
  const { id, name } = team[called];
  const { email } = demoTeam[called];
  const password = randomBytes(12).toString("base64url");
  const password_hash = await hashPassword(password);
  await atomically(ctx, async (tx) => linkMember(tx, (await createLogin(tx, { email, name, password_hash }))!, id));
  return { email, password };
}
