// A click on a day fills the form: the first the beginning, the next the end. Without JavaScript the days are typed.
"use strict";

document.addEventListener("click", (event) => {
  const cell = event.target.closest("td[data-day]");
  const first = document.getElementById("first");
  const last = document.getElementById("last");
  if (!cell || !first || !last) return;
  const day = cell.dataset.day;
  if (!first.value || last.value !== first.value || day < first.value) {
    first.value = day;
    last.value = day;
  } else {
    last.value = day;
  }
  document.querySelectorAll("td[data-day]").forEach((each) => {
    each.classList.toggle("chosen", each.dataset.day >= first.value && each.dataset.day <= last.value);
  });
});
