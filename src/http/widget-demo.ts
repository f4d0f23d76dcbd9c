import { html } from "hono/html";

/** A shop that could be anybody's, with the widget of a channel on it, and how to put it on a page of one's own. */
export function demoPage(public_url: string, channel_id: string | undefined, name: string | undefined): ReturnType<typeof html> {
  const embed = `<script async src="${public_url}/widget.js" data-channel-id="${channel_id ?? "chan_…"}"></script>`;
  const answer = `curl -X POST ${public_url}/v1/conversations/CONVERSATION_ID/messages \\
  -H "Authorization: Bearer $WASSLA_KEY" -H "Content-Type: application/json" \\
  -d '{"content": {"type": "text", "text": "Hello! How can I help?"}}'`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Cedar &amp; Clay: the web widget, live</title>
        <link rel="stylesheet" href="/widget/demo.css" />
      </head>
      <body>
        <header>
          <strong>Cedar &amp; Clay</strong>
          <span>Lamps, linen and stoneware. A made-up shop, to try the web widget on.</span>
        </header>
        <main>
          <section class="hero">
            <h1>Light for quiet evenings</h1>
            ${
              channel_id === undefined
                ? html`<p>
                    Add <code>?channel_id=chan_…</code> to this address. <code>npm start</code> prints it with the demo workspace;
                    <code>GET /v1/conversations?channel=web_widget</code> names the channel too.
                  </p>`
                : html`<p>
                    Open the chat in the corner and write something. It is the channel <b>${name}</b>, <code>${channel_id}</code>, and what
                    you write is a conversation like any other.
                  </p>`
            }
          </section>
          <section class="cards" aria-label="How it works">
            <article>
              <h2>1 · Write</h2>
              <p>Your message is stored, and announced to every webhook, before the chat shows it as sent.</p>
            </article>
            <article>
              <h2>2 · Answer</h2>
              <p>Find it with <code>GET /v1/conversations?channel=web_widget</code>, and answer:</p>
              <pre><code>${answer}</code></pre>
            </article>
            <article>
              <h2>3 · Embed</h2>
              <p>One line on any page whose origin the channel allows:</p>
              <pre><code>${embed}</code></pre>
            </article>
          </section>
        </main>
        ${channel_id === undefined ? "" : html`<script async src="/widget.js" data-channel-id="${channel_id}"></script>`}
      </body>
    </html>`;
}
