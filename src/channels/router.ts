import { adminWrite, read, router } from "../trpc/procedure.ts";
import {
  Channel,
  ChannelList,
  ChannelRef,
  ChannelVerification,
  CreateChannel,
  DeletedChannel,
  ListChannels,
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
    description: "The workspace's channels, the newest first: what each can carry, and whether it works.",
    input: ListChannels,
    output: ChannelList,
    errors: ["invalid_cursor"],
    run: listChannels,
  }),
  get: read({
    route: "GET /v1/channels/{channel_id}",
    name: "getChannel",
    summary: "Get a channel",
    description: "One channel. Its credentials are not shown; `credential_fields` says which are set.",
    input: ChannelRef,
    output: Channel,
    run: findChannel,
  }),
  create: adminWrite({
    route: "POST /v1/channels",
    name: "createChannel",
    summary: "Connect a channel",
    description:
      "Connects an account at a provider. Nobody is asked yet: enter `hook_urls` at the provider, then verify the channel. A workspace has an account once; another workspace may have it too, with hooks of its own.",
    input: CreateChannel,
    output: Channel,
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
      "Changes what is named and leaves the rest. Credentials are replaced field by field, and new ones clear an error. Another account is another channel.",
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
      "Its hooks answer 404 from now on, its credentials are wiped, and what waits to be sent fails with `channel_disconnected`. Its conversations stay readable.",
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
      "Asks the provider whether it knows the account and takes the credentials; nothing is sent to anybody. A refusal turns the channel to `error`, a success back to `connected`; where nobody answered, the channel stays as it is.",
    input: ChannelRef,
    output: ChannelVerification,
    prepare: probeChannel,
    run: verifyChannel,
  }),
});
