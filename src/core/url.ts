/**
 * A text as a URL, if it is one. Not by `URL.canParse`: as soon as Node 20 has compiled its caller, it refuses every
 * name with a Latin-1 letter in it, such as https://bücher.example.
 */
export function urlOf(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
