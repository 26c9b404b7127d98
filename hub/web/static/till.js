// The till: a short tone for a new face (off until it is switched on), and where the keyboard goes on after a swap.
"use strict";

const sound = document.getElementById("sound");
const faceOf = () => document.getElementById("person")?.dataset.who ?? "";
let last = faceOf();
let speaker = null;

const tone = () => {
  speaker ??= new AudioContext();
  const now = speaker.currentTime, voice = speaker.createOscillator(), level = speaker.createGain();
  voice.frequency.value = 880;
  level.gain.setValueAtTime(0.15, now);
  level.gain.exponentialRampToValueAtTime(0.001, now + 0.18);
  voice.connect(level).connect(speaker.destination);
  voice.start(now);
  voice.stop(now + 0.2);
};
const showSound = (on) => {
  sound.setAttribute("aria-pressed", String(on));
  localStorage.setItem("till-sound", on ? "on" : "");
};

if (sound) {
  sound.hidden = false;
  showSound(localStorage.getItem("till-sound") === "on");
  sound.addEventListener("click", () => {
    const on = sound.getAttribute("aria-pressed") !== "true";
    showSound(on);
    if (on) tone();
  });
}

// Whoever works without a mouse goes on at the first key of the next face, not at the top of the page.
document.addEventListener("htmx:after:swap", () => {
  const face = faceOf();
  if (face !== last && face && sound?.getAttribute("aria-pressed") === "true") tone();
  last = face;
  if (!document.activeElement || document.activeElement === document.body) {
    document.querySelector("#till [data-first], #till #next, #till #find")?.focus({ preventScroll: true });
  }
});

// What is pressed while an answer is under way would end it: a sale or its refusal would go unseen, a key be lost. Keys wait for it.
let under = null;
const pressed = [];
document.addEventListener("htmx:before:request", (event) => {
  const { ctx } = event.detail, at = ctx.sourceElement;
  if (!at.id.startsWith("poll-")) {
    if (at.closest("#till")) under = ctx;
    return;
  }
  const asked = at.isConnected && new URL(at.getAttribute("hx-get"), location);
  if (asked && asked.pathname + asked.search === ctx.request.action) return;
  event.preventDefault(); // it waited behind an answer, and asks for who was served before
  htmx.trigger("#stream", "changed");
});
document.addEventListener("htmx:finally:request", (event) => {
  if (event.detail.ctx !== under) return;
  under = null;
  const next = pressed.shift();
  const key = next && next.face === faceOf() && document.getElementById(next.id);
  if (key) setTimeout(() => key.click(), 0); else pressed.length = 0;
});
document.addEventListener("click", (event) => {
  const at = under && event.target.closest("#till a[hx-get], #till form[hx-post] button");
  if (!at) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (at.matches(".key, .ways a")) pressed.push({ face: faceOf(), id: at.id });
}, true);
