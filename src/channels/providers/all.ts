import type { Provider, ProviderName } from "./provider.ts";
import { sandbox } from "./sandbox.ts";
import { twilioSms } from "./twilio-sms.ts";
import { twilioVoice } from "./twilio-voice.ts";
import { whatsapp } from "./whatsapp.ts";

export const providers: Record<ProviderName, Provider> = {
  sandbox,
  whatsapp,
  twilio_sms: twilioSms,
  twilio_voice: twilioVoice,
};
