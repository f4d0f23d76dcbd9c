import type { ProviderName } from "../contract.ts";
import { facebook_page } from "./facebook-page.ts";
import { instagram } from "./instagram.ts";
import type { Provider } from "./provider.ts";
import { sandbox } from "./sandbox.ts";
import { twilioSms } from "./twilio-sms.ts";
import { twilioVoice } from "./twilio-voice.ts";
import { webWidget } from "./web-widget.ts";
import { whatsapp } from "./whatsapp.ts";

export const providers: Record<ProviderName, Provider> = {
  sandbox,
  whatsapp,
  instagram,
  facebook_page,
  twilio_sms: twilioSms,
  twilio_voice: twilioVoice,
  web_widget: webWidget,
};
