// The evacuation list. Ticks stay in this browser. Today keeps each site's last list for as long as its tab is open, so that one tap
// shows it when the hub does not answer; on plain http there is nothing that could do so without an open page.
"use strict";

(() => {
  const KEEP_MS = 60_000; // Today fetches the lists this often
  const WAIT_MS = 2_500; // a hub that needs longer is not there
  const LISTS = "evacuation:"; // in this tab only: names of children never outlive it
  const TICKS = "evacuation-ticks:"; // ids only, of one day

  const list = () => document.getElementById("evacuation");
  const boxes = () => [...(list()?.querySelectorAll("input[type=checkbox]") || [])];
  const day = () => list()?.querySelector("[data-state]")?.textContent.split(" ")[0] || "";
  const key = () => TICKS + list().dataset.site;

  const ticked = () => {
    try {
      const kept = JSON.parse(localStorage.getItem(key())) || {};
      return new Set(kept.day === day() ? kept.found : []);
    } catch {
      return new Set();
    }
  };
  const count = () => {
    const found = list().querySelector("[data-found]");
    if (found) found.textContent = boxes().filter((box) => box.checked && !("missing" in box.dataset)).length;
  };
  const show = () => {
    const found = ticked();
    boxes().forEach((box) => { box.checked = found.has(box.value); });
    count();
  };
  const store = (found) => localStorage.setItem(key(), JSON.stringify({ day: day(), found: [...found] }));
  const tick = (box) => {
    const found = ticked();
    if (box.checked) found.add(box.value); else found.delete(box.value);
    store(found);
    count();
  };

  const keep = (site, html) => {
    try {
      sessionStorage.setItem(LISTS + site, html);
    } catch {
      sessionStorage.removeItem(LISTS + site); // no room: no list is better than an old one
    }
  };
  const links = () => [...document.querySelectorAll("a[data-evacuation]")];
  const siteOf = (link) => new URL(link.href).pathname.split("/").pop();
  const keepAll = async () => {
    for (const link of links()) {
      try {
        const answer = await fetch(link.href, { headers: { "hx-request": "true" }, signal: AbortSignal.timeout(WAIT_MS) });
        if (answer.ok && !answer.redirected) keep(siteOf(link), await answer.text());
      } catch {
        return; // the page itself says that the connection is lost
      }
    }
  };
  const showKept = (link) => {
    const html = sessionStorage.getItem(LISTS + siteOf(link));
    if (!html) return false;
    document.getElementById("main").replaceChildren(document.getElementById("unreachable").content.cloneNode(true));
    list().dataset.site = siteOf(link);
    list().innerHTML = html;
    document.querySelector("[data-kept]").textContent = list().querySelector("[data-state]").textContent;
    ready();
    document.getElementById("main").focus();
    return true;
  };
  const open = async (link) => {
    try {
      const answer = await fetch(link.href, { headers: { "hx-request": "true" }, signal: AbortSignal.timeout(WAIT_MS) });
      if (answer.status >= 500) throw new Error("no hub");
    } catch {
      if (showKept(link)) return;
    }
    location.assign(link.href);
  };

  // Leaving for a hub that is still away would show the browser's own error, and the list would be gone.
  const again = async (link) => {
    link.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(link.href, { signal: AbortSignal.timeout(WAIT_MS) });
      if (answer.status < 500) location.assign(link.href);
    } catch {
      link.focus();
    }
    link.removeAttribute("aria-busy");
  };

  const ready = () => {
    document.querySelectorAll("[data-print], [data-untick]").forEach((button) => { button.hidden = false; });
    if (list()) show();
  };
  document.addEventListener("change", (event) => { if (list()?.contains(event.target)) tick(event.target); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-evacuation]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      open(link);
    } else if (event.target.closest("[data-print]")) {
      window.print();
    } else if (event.target.closest("[data-again]")) {
      event.preventDefault();
      again(event.target.closest("[data-again]"));
    } else if (event.target.closest("[data-untick]")) {
      // It stands beside others, under a thumb in a hurry.
      if (!window.confirm(`${event.target.closest("[data-untick]").textContent.trim()}?`)) return;
      store([]);
      show();
    }
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = boxes();
    const next = step && all[all.indexOf(event.target) + step];
    if (next && all.includes(event.target)) {
      event.preventDefault();
      next.focus();
    }
  });
  document.addEventListener("htmx:after:swap", () => { if (list()) show(); });
  ready();
  if (links().length) {
    keepAll();
    setInterval(keepAll, KEEP_MS);
  }
})();
