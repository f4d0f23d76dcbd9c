/** Adopted, not written into the page: a strict Content-Security-Policy lets it pass. */
export const style = `
:host { all: initial; position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483000; color-scheme: light;
  --accent: #0f5c4d; --ink: #16211e; --soft: #5d6b67; --line: #e3e9e7; --mist: #f2f6f4;
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Arabic", sans-serif; color: var(--ink); }
* { box-sizing: border-box; margin: 0; }
[hidden] { display: none !important; }
button, textarea { font: inherit; color: inherit; }
button { cursor: pointer; border: 0; background: none; padding: 0; }
:focus-visible { outline: 3px solid color-mix(in srgb, var(--accent) 45%, white); outline-offset: 2px; }
.sr { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.launcher { position: relative; display: grid; place-items: center; inline-size: 60px; block-size: 60px; border-radius: 50%; margin-inline-start: auto;
  background: var(--accent); color: #fff; box-shadow: 0 6px 20px rgb(10 30 25 / .28); transition: transform .16s ease, box-shadow .16s ease; }
.launcher:hover { transform: translateY(-2px) scale(1.03); box-shadow: 0 10px 26px rgb(10 30 25 / .32); }
.launcher svg { inline-size: 28px; block-size: 28px; }
.is-open .launcher svg:first-child, :not(.is-open) > .launcher svg + svg { display: none; }
.badge { position: absolute; inset-block-start: -3px; inset-inline-end: -3px; min-inline-size: 22px; padding: 0 6px; border-radius: 11px; background: #c8321f;
  color: #fff; font-size: 12.5px; font-weight: 650; line-height: 22px; text-align: center; box-shadow: 0 0 0 2px #fff; }

.panel { display: flex; flex-direction: column; inline-size: 384px; max-inline-size: calc(100vw - 40px); block-size: min(620px, calc(100vh - 120px));
  margin-block-end: 16px; border-radius: 18px; overflow: hidden; background: #fff; box-shadow: 0 18px 60px rgb(10 30 25 / .26), 0 0 0 1px rgb(10 30 25 / .06);
  animation: rise .2s cubic-bezier(.2, .8, .3, 1); transform-origin: bottom right; }
@keyframes rise { from { opacity: 0; transform: translateY(14px) scale(.98); } }
header { display: flex; align-items: center; gap: 12px; padding: 18px 18px 16px 20px; color: #fff;
  background: linear-gradient(135deg, var(--accent), color-mix(in srgb, var(--accent) 78%, #06231d)); }
[dir=rtl] header { padding: 18px 20px 16px 18px; }
.mark { flex: none; display: grid; place-items: center; inline-size: 40px; block-size: 40px; border-radius: 12px; background: rgb(255 255 255 / .16); }
.mark svg { inline-size: 22px; block-size: 22px; }
h2 { font-size: 17px; font-weight: 650; line-height: 1.25; }
.subtitle { font-size: 13px; opacity: .88; }
.close { margin-inline-start: auto; display: grid; place-items: center; inline-size: 36px; block-size: 36px; border-radius: 10px; }
.close:hover { background: rgb(255 255 255 / .16); }
.close svg { inline-size: 20px; block-size: 20px; }
header :focus-visible, .launcher:focus-visible { outline-color: #fff; box-shadow: 0 0 0 5px var(--accent); }

.log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 18px 16px 10px; background: var(--mist); list-style: none; }
.log li { display: flex; flex-direction: column; align-items: flex-start; margin-block-start: 10px; }
.log li.same { margin-block-start: 3px; }
.log .own .who, .log li.same .who { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
.log li.own { align-items: flex-end; }
.who { font-size: 12px; color: var(--soft); margin: 0 6px 3px; }
.bubble { max-inline-size: 84%; padding: 9px 13px; border-radius: 16px; border-end-start-radius: 5px; background: #fff; box-shadow: 0 1px 2px rgb(10 30 25 / .08);
  white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; }
.log li.own { margin-block-start: 12px; }
.log li.own.same { margin-block-start: 3px; }
.own .bubble { background: var(--accent); color: #fff; border-radius: 16px; border-end-end-radius: 5px; }
.bubble a { color: inherit; text-underline-offset: 2px; }
.state { font-size: 12px; color: var(--soft); margin: 3px 6px 0; }
.own.waiting .bubble { opacity: .72; }
.own.failed .bubble { background: #fff; color: var(--ink); box-shadow: inset 0 0 0 1.5px #c8321f; }
.failed .state { color: #a32414; }
.state button { text-decoration: underline; font-weight: 600; text-underline-offset: 2px; }
.earlier { display: block; margin: 0 auto 6px; padding: 5px 12px; border-radius: 14px; font-size: 13px; color: var(--accent); font-weight: 600; background: #fff; }
.notice { padding: 7px 16px; font-size: 13px; color: #6b4a00; background: #fff4d6; }

form { display: flex; align-items: flex-end; gap: 8px; padding: 10px 12px 12px; border-block-start: 1px solid var(--line); background: #fff; }
textarea { flex: 1; resize: none; border: 1.5px solid var(--line); border-radius: 14px; padding: 9px 13px; max-block-size: 132px; field-sizing: content; background: #fff; outline-offset: 0; }
textarea::placeholder { color: #74827e; }
textarea:focus { border-color: var(--accent); outline: 0; box-shadow: 0 0 0 3px color-mix(in srgb, var(--accent) 18%, white); }
.send { flex: none; display: grid; place-items: center; inline-size: 42px; block-size: 42px; border-radius: 14px; background: var(--accent); color: #fff; }
.send:disabled { background: #dfe6e4; color: #93a19d; cursor: default; }
.send svg { inline-size: 20px; block-size: 20px; }
[dir=rtl] .send svg { transform: scaleX(-1); }

@media (max-width: 480px) {
  .is-open { position: fixed; inset: 0; }
  .is-open .panel { inline-size: 100%; max-inline-size: none; block-size: 100%; margin: 0; border-radius: 0; }
  .is-open .launcher { display: none; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`;
