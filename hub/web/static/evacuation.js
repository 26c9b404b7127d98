// The evacuation list. Ticks stay in this browser. Today keeps each site's last list for as long as its tab is open, other pages of that
// tab keep it up to date as they open, and the way to Today shows it when the hub does not answer. Without an open page there is none: what
// could do so (a service worker) needs https, and would show children's names to whoever takes the network away from a shared computer.
"use strict";

(() => {
  const KEEP_MS = 60_000; // Today fetches the lists this often
  const ALONE_MS = 7_200_000; // on other pages than Today for as long as a browser left alone stays signed in
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

  const content = (html) => {
    const box = document.createElement("template");
    box.innerHTML = html;
    return box;
  };
  const keep = (site, html) => {
    const box = content(html);
    box.content.querySelectorAll("[data-brief]").forEach((each) => each.remove()); // shown for two minutes after a PIN
    try {
      sessionStorage.setItem(LISTS + site, JSON.stringify({ at: Date.now(), html: box.innerHTML }));
    } catch {
      forget(site); // no room: no list is better than an old one
    }
  };
  const forget = (site) => sessionStorage.removeItem(LISTS + site);
  const links = () => [...document.querySelectorAll("a[data-evacuation]")];
  const siteOf = (link) => new URL(link.href).pathname.split("/").pop();
  const isToday = links().length > 0;
  const kept = (site) => {
    const found = JSON.parse(sessionStorage.getItem(LISTS + site));
    return found && (isToday || Date.now() - found.at < ALONE_MS) ? found : null;
  };
  const known = () => Object.keys(sessionStorage).filter((each) => each.startsWith(LISTS)).map((each) => each.slice(LISTS.length)).filter(kept);
  const keepAll = async () => {
    for (const site of isToday ? links().map(siteOf) : known()) {
      if (!isToday && Date.now() - kept(site).at < KEEP_MS) continue;
      try {
        const answer = await fetch(`/evacuation/${site}`, { headers: { "hx-request": "true" }, signal: AbortSignal.timeout(WAIT_MS) });
        if (answer.ok && !answer.redirected) keep(site, await answer.text());
        else if (answer.status < 500) forget(site);
      } catch {
        return; // the page itself says that the connection is lost
      }
    }
  };
  const unreachable = () => {
    document.getElementById("main").replaceChildren(document.getElementById("unreachable").content.cloneNode(true));
    document.getElementById("main").focus();
  };
  const showKept = (site) => {
    const found = kept(site);
    if (!found) return false;
    unreachable();
    list().dataset.site = site;
    list().innerHTML = found.html;
    const state = list().querySelector("[data-state]");
    document.querySelector("[data-kept]").textContent = `${state.dataset.of}, ${state.textContent}`;
    ready();
    return true;
  };
  // The way to Today, with the hub away: the list, or which one.
  const showSites = () => {
    if (known().length === 1) return showKept(known()[0]);
    unreachable();
    document.querySelector("[data-sites]").replaceChildren(...known().map((site) => {
      const link = document.createElement("a");
      link.href = `/evacuation/${site}`;
      link.dataset.evacuation = "";
      link.textContent = content(kept(site).html).content.querySelector("[data-state]").dataset.of;
      return link;
    }));
    return true;
  };
  const open = async (link) => {
    try {
      const answer = await fetch(link.href, { headers: { "hx-request": "true" }, signal: AbortSignal.timeout(WAIT_MS) });
      if (answer.status >= 500) throw new Error("no hub");
    } catch {
      if (showKept(siteOf(link))) return;
    }
    location.assign(link.href);
  };

  // Leaving for a hub that is away would show the browser's own error, and the list would be gone.
  const leave = async (link, otherwise) => {
    link.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(document.querySelector("link[rel=icon]").href, { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(WAIT_MS) });
      if (answer.status >= 500) throw new Error("no hub");
      location.assign(link.href);
    } catch {
      otherwise();
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
    const today = event.target.closest("a[href='/']:not([data-again])");
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
    if (link && !elsewhere) {
      event.preventDefault();
      open(link);
    } else if (today && !elsewhere && known().length) {
      event.preventDefault();
      leave(today, showSites);
    } else if (event.target.closest("[data-print]")) {
      window.print();
    } else if (event.target.closest("[data-again]")) {
      event.preventDefault();
      const back = event.target.closest("[data-again]");
      leave(back, () => back.focus());
    } else if (event.target.closest("[data-untick]")) {
      // It stands beside others, under a thumb in a hurry.
      if (!window.confirm(event.target.closest("[data-untick]").dataset.untick)) return;
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
  keepAll();
  if (isToday) setInterval(keepAll, KEEP_MS);
})();
