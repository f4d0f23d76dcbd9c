import { html } from "hono/html";

export type Markup = ReturnType<typeof html>;

export function page(title: string, body: Markup): Markup {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="stylesheet" href="/docs/reference.css" />
      </head>
      <body>
        ${body}
      </body>
    </html>`;
}

export const prose = (text: string): Markup[] => text.split("\n\n").map((paragraph) => html`<p>${inline(paragraph)}</p>`);

/** Backquotes are the only mark-up the descriptions use. */
export const inline = (text: string): (string | Markup)[] =>
  text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));
