/** What the widget says by itself, in the languages of the page. */
const english = {
  title: "Chat with us",
  subtitle: "Ask us anything: we answer right here.",
  greeting: "Hello! How can we help you?",
  open: "Open chat",
  close: "Close chat",
  unread: (count: number): string => (count === 1 ? "1 unread message" : `${count} unread messages`),
  conversation: "Conversation",
  message: "Your message",
  send: "Send",
  sending: "Sending…",
  failed: "Not sent.",
  retry: "Try again",
  you: "You",
  team: "Team",
  assistant: "AI assistant",
  offline: "No connection. We keep trying.",
  unavailable: "The chat is not available here.",
  earlier: "Show earlier messages",
  attachment: "Attachment",
  too_long: "The message is too long.",
};

export type Words = typeof english;

const french: Words = {
  title: "Discutons",
  subtitle: "Posez vos questions : nous répondons ici.",
  greeting: "Bonjour ! Comment pouvons-nous vous aider ?",
  open: "Ouvrir la discussion",
  close: "Fermer la discussion",
  unread: (count) => (count === 1 ? "1 message non lu" : `${count} messages non lus`),
  conversation: "Conversation",
  message: "Votre message",
  send: "Envoyer",
  sending: "Envoi…",
  failed: "Non envoyé.",
  retry: "Réessayer",
  you: "Vous",
  team: "Équipe",
  assistant: "Assistant IA",
  offline: "Pas de connexion. Nous réessayons.",
  unavailable: "La discussion n’est pas disponible ici.",
  earlier: "Messages précédents",
  attachment: "Pièce jointe",
  too_long: "Le message est trop long.",
};

const arabic: Words = {
  title: "تحدّث معنا",
  subtitle: "اسألنا ما تشاء، نجيبك هنا.",
  greeting: "أهلاً بك! كيف يمكننا مساعدتك؟",
  open: "افتح المحادثة",
  close: "أغلق المحادثة",
  unread: (count) => `الرسائل غير المقروءة: ${count}`,
  conversation: "المحادثة",
  message: "رسالتك",
  send: "إرسال",
  sending: "جارٍ الإرسال…",
  failed: "لم تُرسل.",
  retry: "أعد المحاولة",
  you: "أنت",
  team: "الفريق",
  assistant: "المساعد الذكي",
  offline: "لا يوجد اتصال. نعيد المحاولة.",
  unavailable: "المحادثة غير متاحة هنا.",
  earlier: "الرسائل السابقة",
  attachment: "مرفق",
  too_long: "الرسالة طويلة جداً.",
};

export interface Language {
  code: "en" | "fr" | "ar";
  dir: "ltr" | "rtl";
  words: Words;
}

const languages: readonly Language[] = [
  { code: "en", dir: "ltr", words: english },
  { code: "fr", dir: "ltr", words: french },
  { code: "ar", dir: "rtl", words: arabic },
];

/** The first wish that can be granted; English otherwise. */
export function languageOf(...wishes: (string | undefined)[]): Language {
  const wished = wishes.map((wish) => wish?.slice(0, 2).toLowerCase());
  const code = wished.find((wish) => languages.some((language) => language.code === wish));
  return languages.find((language) => language.code === code) ?? languages[0]!;
}
