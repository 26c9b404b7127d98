// The grid of a week with the arrow keys: one stop for Tab, then arrows, Home and End from cell to cell; Enter opens the day.
// Without this file every cell is a plain link.
"use strict";

(() => {
  const grid = document.querySelector("table.weekly");
  if (!grid) return;
  const rows = [...grid.tBodies[0].rows].map((row) => [...row.querySelectorAll("a.cell")]);
  const all = rows.flat();
  const stop = (cell) => all.forEach((each) => { each.tabIndex = each === cell ? 0 : -1; });
  const go = (row, column) => {
    const cell = rows[Math.min(Math.max(row, 0), rows.length - 1)]?.[column];
    if (cell) {
      stop(cell);
      cell.focus();
    }
  };
  const kept = all.find((cell) => `#${cell.id}` === location.hash);
  stop(kept || all[0]);
  if (kept) kept.focus();
  grid.addEventListener("focusin", (event) => { if (event.target.matches("a.cell")) stop(event.target); });
  grid.addEventListener("keydown", (event) => {
    const row = rows.findIndex((cells) => cells.includes(event.target));
    if (row < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
    const column = rows[row].indexOf(event.target);
    const last = rows[row].length - 1;
    const target = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
      ArrowLeft: [row, Math.max(column - 1, 0)], ArrowRight: [row, Math.min(column + 1, last)],
      Home: [row, 0], End: [row, last],
    }[event.key];
    if (target) {
      event.preventDefault();
      go(...target);
    }
  });
})();
