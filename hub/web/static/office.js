// What htmx cannot say by itself: whether the page is still live, and that a web session has ended.
"use strict";

const SILENCE_MS = 15_000; // three ticks missed: the network is gone without a word
let heard = 0;

const show = (state) => document.querySelectorAll("[data-live]").forEach((mark) => { mark.dataset.live = state; });
const alive = () => { heard = Date.now(); show("on"); };
const silent = () => { if (heard && Date.now() - heard > SILENCE_MS) show("off"); };

document.addEventListener("htmx:sse:after:connection", alive);
document.addEventListener("changed", alive);
document.addEventListener("tick", alive);
document.addEventListener("htmx:sse:error", () => show("off"));
document.addEventListener("gone", () => window.location.reload());
setInterval(silent, 1000);

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
