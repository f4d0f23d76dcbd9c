import type { ChannelKind, Identity } from "../channels/contract.ts";
import type { HandlerMode, Priority } from "../conversations/contract.ts";
import type { Role } from "../team/contract.ts";
import type { TicketStatus } from "../tickets/contract.ts";

/** The team, by the names that customers read. One was invited and has not come yet. */
export const demoTeam = {
  Lina: { name: "لينا حداد", email: "lina@shop.example", role: "owner" },
  Youssef: { name: "Youssef Amrani", email: "youssef@shop.example", role: "admin" },
  Claire: { name: "Claire Dubois", email: "claire@shop.example", role: "agent" },
  Sam: { name: "Sam Carter", email: "sam@shop.example", role: "viewer", invited_only: true },
} as const satisfies Record<string, { name: string; email: string; role: Role; invited_only?: true }>;

export type Colleague = Exclude<keyof typeof demoTeam, "Sam">;

/** Who speaks: the customer, one of the team by name, or the AI agent. */
type Speaker = "customer" | Colleague | "agent";

export interface Letters {
  channel: ChannelKind;
  customer: { name: string; identity: Identity };
  /** Hours before now at which it began; each line comes some minutes after the one before. */
  began_hours_ago: number;
  lines: [speaker: Speaker, text: string, minutes_later: number][];
  closed?: true;
  tags?: string[];
  priority?: Priority;
  handler_mode?: HandlerMode;
  assignee?: Colleague;
  note?: [writer: Colleague, text: string];
  ticket?: {
    made_by: Colleague;
    subject: string;
    description: string;
    priority?: Priority;
    tags?: string[];
    assignee?: Colleague;
    status?: TicketStatus;
    note?: [writer: Colleague, text: string];
  };
}

const phone = (value: string): Identity => ({ kind: "phone", value });

/** What customers of a shop that could be anybody's wrote, on every channel and in three languages. */
export const demoLetters: Letters[] = [
  {
    channel: "whatsapp",
    customer: { name: "سارة حداد", identity: phone("96170101001") },
    began_hours_ago: 70,
    lines: [
      ["customer", "مرحبا، متى يصل طلبي رقم A-1007؟", 0],
      ["agent", "أهلاً سارة! طلبك A-1007 خرج للتوصيل اليوم ويصل قبل الساعة السادسة مساءً.", 1],
      ["customer", "ممتاز، شكراً جزيلاً 🌷", 4],
      ["Lina", "على الرحب والسعة! نتمنى لك يوماً جميلاً.", 6],
    ],
    closed: true,
    tags: ["delivery"],
    handler_mode: "ai",
  },
  {
    channel: "instagram",
    customer: { name: "camille.drd", identity: { kind: "instagram_user", value: "17841400000000101" } },
    began_hours_ago: 52,
    lines: [
      ["customer", "Bonjour ! La robe verte de votre story existe en taille 40 ?", 0],
      ["Claire", "Bonjour Camille, oui ! Il nous en reste trois en 40. Souhaitez-vous que je vous en réserve une ?", 12],
      ["customer", "Oui volontiers, je passe samedi.", 3],
      ["Claire", "C'est noté, elle vous attend à votre nom jusqu'à samedi soir.", 5],
    ],
    closed: true,
    tags: ["product", "reservation"],
    handler_mode: "human",
    assignee: "Claire",
    note: ["Claire", "Robe verte, taille 40, mise de côté au nom de Camille jusqu'à samedi."],
  },
  {
    channel: "facebook_page",
    customer: { name: "Tom Becker", identity: { kind: "page_user", value: "24500000000000103" } },
    began_hours_ago: 30,
    lines: [
      ["customer", "Hi! My parcel arrived damaged, the lamp inside is broken. What can I do?", 0],
      ["agent", "I'm sorry to hear that, Tom. I have found order B-2291. Shall I send you a new lamp, or refund it?", 1],
      ["customer", "A new one please. Do I have to send the broken one back?", 9],
      ["Youssef", "No need to, Tom. The new lamp leaves our warehouse tomorrow morning.", 21],
    ],
    closed: true,
    tags: ["damaged", "replacement"],
    priority: "high",
    handler_mode: "human",
    assignee: "Youssef",
    ticket: {
      made_by: "Youssef",
      subject: "Replacement lamp for B-2291",
      description: "The lamp arrived broken. A new one leaves the warehouse, the old one is not wanted back.",
      priority: "high",
      tags: ["replacement"],
      assignee: "Youssef",
      status: "resolved",
      note: ["Youssef", "Handed to the courier, signature required."],
    },
  },
  {
    channel: "twilio_voice",
    customer: { name: "+44 20 7946 0104", identity: phone("442079460104") },
    began_hours_ago: 27,
    lines: [
      ["customer", "Hello, I'd like to know whether your store on Hill Street is open on Sunday.", 0],
      ["agent", "Yes, on Sundays the Hill Street store is open from eleven until five.", 0.3],
      ["customer", "Lovely, thank you. Goodbye.", 0.3],
    ],
    closed: true,
    tags: ["opening-hours"],
    handler_mode: "ai",
  },
  {
    channel: "twilio_sms",
    customer: { name: "Nour El-Masri", identity: phone("15550101105") },
    began_hours_ago: 21,
    lines: [
      ["customer", "Can I change the delivery address of C-3318 to 12 Cedar Lane?", 0],
      ["Youssef", "Done! C-3318 now goes to 12 Cedar Lane. It arrives on Thursday.", 17],
      ["customer", "Great, thanks", 2],
    ],
    closed: true,
    handler_mode: "human",
  },
  {
    channel: "web_widget",
    customer: { name: "Élodie Marchand", identity: { kind: "visitor", value: "anonymous:demo-106" } },
    began_hours_ago: 9,
    lines: [
      ["customer", "Bonjour, quels sont vos délais de livraison vers la Belgique ?", 0],
      ["agent", "Bonjour ! Vers la Belgique comptez deux à trois jours ouvrés ; la livraison est offerte dès 60 €.", 1],
      ["customer", "Et pour un retour, comment ça se passe ?", 2],
    ],
    handler_mode: "ai",
    tags: ["delivery"],
  },
  {
    channel: "whatsapp",
    customer: { name: "Omar Khalil", identity: phone("201000101107") },
    began_hours_ago: 5,
    lines: [
      ["customer", "السلام عليكم، دفعت مرتين عن نفس الطلب D-4410، أرجو استرجاع المبلغ.", 0],
      ["agent", "وعليكم السلام أستاذ عمر. أحوّل طلبك إلى زميلي في قسم الحسابات فوراً.", 1],
      ["Youssef", "أهلاً أستاذ عمر، تأكدت من الدفعتين وسيعود المبلغ إلى بطاقتك خلال ثلاثة أيام عمل.", 38],
      ["customer", "شكراً على سرعة الرد", 11],
    ],
    priority: "urgent",
    tags: ["billing", "refund"],
    handler_mode: "human",
    assignee: "Youssef",
    note: ["Lina", "دفعتان بفارق دقيقتين عن الطلب D-4410، والثانية هي التي تُعاد."],
    ticket: {
      made_by: "Youssef",
      subject: "استرجاع الدفعة المكررة للطلب D-4410",
      description: "دفع العميل مرتين عن الطلب نفسه؛ تُعاد الدفعة الثانية إلى بطاقته.",
      priority: "urgent",
      tags: ["billing", "refund"],
      assignee: "Lina",
      status: "in_progress",
    },
  },
  {
    channel: "instagram",
    customer: { name: "lucas_ferro", identity: { kind: "instagram_user", value: "17841400000000108" } },
    began_hours_ago: 2,
    lines: [
      ["customer", "do you ship to Portugal? 👀", 0],
      ["Claire", "We do! Three to five days, and it's free from €60.", 6],
    ],
    handler_mode: "human",
    assignee: "Claire",
  },
  {
    channel: "whatsapp",
    customer: { name: "Grace Njeri", identity: phone("254700101109") },
    began_hours_ago: 0.6,
    lines: [["customer", "Good morning, my order E-5127 says delivered but I have not received anything.", 0]],
    priority: "high",
    ticket: {
      made_by: "Claire",
      subject: "E-5127 was not delivered",
      description: "The courier says it was handed over; the customer has received nothing.",
      priority: "high",
    },
  },
];
