import type { ProviderTemplate, TemplateSource } from "./template.ts";

const template = (
  name: string,
  language: string,
  category: string,
  body: string,
  more: Partial<ProviderTemplate> = {},
): ProviderTemplate => ({
  external_id: `sandbox_${name}_${language}`,
  name,
  language,
  status: "APPROVED",
  category,
  quality: "GREEN",
  rejected_reason: null,
  parameter_format: "positional",
  components: [{ type: "body", text: body }],
  ...more,
});

/** What a shop would have had approved, in three languages; and one of each that may not be sent. */
const all: readonly ProviderTemplate[] = [
  template("order_shipped", "en", "UTILITY", "Hello {{1}}, your order {{2}} is on its way."),
  template("order_shipped", "ar", "UTILITY", "مرحباً {{1}}، طلبك {{2}} في الطريق إليك."),
  template("order_shipped", "fr", "UTILITY", "Bonjour {{1}}, votre commande {{2}} est en route."),
  template("delivery_window", "en", "UTILITY", "", {
    parameter_format: "named",
    components: [
      { type: "header", format: "text", text: "Delivery on {{day}}" },
      { type: "body", text: "Hello {{first_name}}, our driver comes between {{from}} and {{until}}." },
      { type: "footer", text: "Reply to change the time." },
      { type: "buttons", buttons: [{ type: "url", text: "Follow the driver", target: "https://shop.example.com/track/{{1}}" }] },
    ],
  }),
  template("summer_offer", "fr", "MARKETING", "", {
    components: [
      { type: "header", format: "image" },
      { type: "body", text: "{{1}}, profitez de {{2}} jusqu'à dimanche !" },
      {
        type: "buttons",
        buttons: [
          { type: "copy_code", text: "Copier le code", target: null },
          { type: "quick_reply", text: "Ne plus recevoir d'offres", target: null },
        ],
      },
    ],
  }),
  template("appointment_reminder", "ar", "UTILITY", "نذكّرك بموعدك يوم {{1}} الساعة {{2}}.", { status: "PENDING", quality: null }),
  template("win_back", "en", "MARKETING", "We miss you, {{1}}!", { status: "REJECTED", quality: null, rejected_reason: "PROMOTIONAL" }),
];

/** The same for every channel of the sandbox. */
export const sandboxTemplates: TemplateSource = {
  accountOf: () => "sandbox",
  list: () => Promise.resolve({ ok: true, templates: [...all] }),
};
