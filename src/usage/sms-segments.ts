/** GSM 03.38 §6.2.1: the alphabet of seven bits, and beside it what takes an escape, and so two places. */
const basic = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const extended = new Set("\f^{}\\[~]|€");

const gsm7 = { alone: 160, joined: 153 };
const ucs2 = { alone: 70, joined: 67 };

/** In how many parts an SMS is sent, and charged: one character outside of GSM-7 turns all of them to UCS-2. */
export function smsSegments(text: string): number {
  const characters = [...text];
  const is_gsm7 = characters.every((character) => basic.has(character) || extended.has(character));
  const sizes = characters.map((character) => (is_gsm7 ? (extended.has(character) ? 2 : 1) : character.length));
  const { alone, joined } = is_gsm7 ? gsm7 : ucs2;
  return sizes.reduce((sum, size) => sum + size, 0) <= alone ? 1 : partsOf(sizes, joined);
}

/** What takes two places is never torn apart: it begins the next part. */
function partsOf(sizes: number[], room: number): number {
  let parts = 1;
  let used = 0;
  for (const size of sizes) {
    if (used + size > room) {
      parts += 1;
      used = 0;
    }
    used += size;
  }
  return parts;
}
