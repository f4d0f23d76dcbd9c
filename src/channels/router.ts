import { adminWrite, read, router } from "../trpc/procedure.ts";
import {
  Channel,
  ChannelList,
  ChannelRef,
  ChannelVerification,
  CreateChannel,
  DeletedChannel,
  ListChannels,
  NewChannel,
  UpdateChannel,
} from "./contract.ts";
import { connectChannel } from "./create-channel.ts";
import { deleteChannel } from "./delete-channel.ts";
import { findChannel, listChannels, lockChannel } from "./find-channel.ts";
import { updateChannel } from "./update-channel.ts";
import { probeChannel, verifyChannel } from "./verify-channel.ts";

export const channelsRouter = router({
  list: read({
    route: "GET /v1/channels",
    name: "listChannels",
    summary: "List channels",
    description: "The workspace's channels, the newest first, with what each can carry and whether it works.",
    input: ListChannels,
    output: ChannelList,
    errors: ["invalid_cursor"],
    run: listChannels,
  }),
  get: read({
    route: "GET /v1/channels/{channel_id}",
    name: "getChannel",
    summary: "Get a channel",
    description: "One channel. Its credentials are not shown; `credential_fields` lists those that are set.",
    input: ChannelRef,
    output: Channel,
    run: findChannel,
  }),
  create: adminWrite({
    route: "POST /v1/channels",
    name: "createChannel",
    summary: "Connect a channel",
    description:
      "Connects an account at a provider. The provider is not asked yet: enter `hook_urls` at the provider, then verify the channel. A workspace can connect an account once; another workspace may connect it too, with its own hook URLs.",
    input: CreateChannel,
    output: NewChannel,
    status: 201,
    location: "/v1/channels/{id}",
    errors: ["duplicate_channel"],
    run: connectChannel,
  }),
  update: adminWrite({
    route: "PATCH /v1/channels/{channel_id}",
    name: "updateChannel",
    summary: "Change a channel",
    description:
      "Changes the fields that are named and keeps the rest. Credentials are replaced field by field, and new ones clear an error. The account cannot be changed: connect another channel for another account.",
    input: UpdateChannel,
    output: Channel,
    current: { read: lockChannel, output: Channel },
    run: updateChannel,
  }),
  delete: adminWrite({
    route: "DELETE /v1/channels/{channel_id}",
    name: "deleteChannel",
    summary: "Delete a channel",
    description:
      "From now on its hook URLs answer 404, its credentials are erased, and messages that wait to be sent fail with `channel_disconnected`. Its conversations stay readable.",
    input: ChannelRef,
    output: DeletedChannel,
    current: { read: lockChannel, output: Channel },
    run: deleteChannel,
  }),
  verify: adminWrite({
    route: "POST /v1/channels/{channel_id}/verify",
    name: "verifyChannel",
    summary: "Verify a channel",
    description:
      "Asks the provider whether it knows the account and accepts the credentials; no message is sent. A refusal sets the channel's `status` to `error`, a success sets it back to `connected`; if the provider does not answer, the channel stays as it is. A `disconnected` channel stays `disconnected`.",
    input: ChannelRef,
    output: ChannelVerification,
    prepare: probeChannel,
    run: verifyChannel,
  }),
});
