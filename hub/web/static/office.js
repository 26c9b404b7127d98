// What htmx cannot say by itself: whether the page is still live, and that a web session has ended.
"use strict";

const SILENCE_MS = 15_000; // three ticks missed: the network is gone without a word
const AGAIN_MS = 2_000;
let heard = Date.now(); // a stream that never begins is silent, too
let connection = null;
let again = 0;
const behind = new Set(); // blocks that could not be fetched: what they show is older than it seems

const show = (state) => document.querySelectorAll("[data-live]").forEach((mark) => { mark.dataset.live = state; });
const showWhether = () => {
  behind.forEach((block) => { if (!block.isConnected) behind.delete(block); });
  show(behind.size ? "off" : "on");
};
const alive = () => { heard = Date.now(); showWhether(); };
const silent = () => {
  if (Date.now() - heard <= SILENCE_MS) return;
  show("off");
  connection?.reader?.cancel(); // it may hang for ever: htmx opens another
};

document.addEventListener("htmx:sse:after:connection", (event) => {
  connection = event.detail.connection;
  alive();
  // htmx closes the stream of a page that is hidden; one that was hidden from the start would keep one of a browser's six connections.
  if (document.hidden) setTimeout(() => document.dispatchEvent(new Event("visibilitychange")), 0);
});
document.addEventListener("htmx:sse:after:message", alive);
document.addEventListener("htmx:sse:error", (event) => {
  show("off");
  if (event.detail.status === 401) window.location.reload(); // the web session ended while nobody could say so
});
document.addEventListener("gone", () => window.location.reload());
setInterval(silent, 1000);

// What did not get through, htmx tells the console only. A first stream and a live block are asked for again; of the rest people are told.
const asksByItself = (at) => /#stream|load/.test(at.getAttribute("hx-trigger"));
const unsent = (is) => document.querySelectorAll("[data-unsent]").forEach((said) => { said.hidden = !is; });
const failed = (event) => {
  const ctx = event.detail.ctx, at = ctx?.sourceElement;
  if (!at || (ctx.response && ctx.response.status < 500)) return;
  if (at.id === "stream") {
    show("off");
    setTimeout(() => { if (!at._htmx?.sse) htmx.ajax("GET", at.getAttribute("hx-sse:connect"), { source: at }); }, AGAIN_MS);
  } else if (asksByItself(at)) {
    behind.add(at);
    show("off");
    again ||= setTimeout(() => { again = 0; htmx.trigger("#stream", "changed"); }, AGAIN_MS);
  } else {
    if (!document.querySelector("[data-unsent]")) show("off"); // a kiosk
    unsent(true);
  }
};
document.addEventListener("htmx:error", failed);
document.addEventListener("htmx:response:error", failed);
document.addEventListener("htmx:after:request", (event) => {
  const { sourceElement: at, response } = event.detail.ctx;
  if (response.status >= 500) return;
  if (!asksByItself(at)) unsent(false);
  if (behind.delete(at)) showWhether();
});

// What a tab keeps for when the hub is gone (evacuation.js) holds names: it ends with the web session.
if (!document.querySelector(".who")) sessionStorage.clear();

// What was refused is seen at once, also far down a long page.
const refused = document.querySelector("main [role=alert]");
if (refused && refused.getBoundingClientRect().bottom > window.innerHeight) refused.scrollIntoView({ block: "center" });

// A kiosk signs its pupil out also when the hub does not answer: nobody else finds a name and choices there.
document.addEventListener("animationend", (event) => {
  const left = event.target;
  if (left.matches(".kiosk .left")) setTimeout(() => { if (left.isConnected) document.getElementById("kiosk").replaceChildren(); }, 2500);
});

// A form that is sent twice has one effect anyway; the second click is spared. What htmx sends (it prevents the default) stays on this
// page: a button that is disabled would lose the focus, and who works with the keyboard would begin at the top again.
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button && !event.defaultPrevented) {
    setTimeout(() => { button.disabled = true; }, 0);
    setTimeout(() => { button.disabled = false; }, 3000);
  }
});

document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-check-all]");
  if (all) {
    all.closest("form").querySelectorAll("input[name=pupil]").forEach((box) => { box.checked = all.checked; });
  }
});
