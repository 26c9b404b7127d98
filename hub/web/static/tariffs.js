// A choice that asks for other fields sends the form back at once; without JavaScript a button does.
"use strict";

document.addEventListener("change", (event) => {
  const chosen = event.target.closest("select[data-shape]");
  if (!chosen) return;
  const form = chosen.form;
  const button = document.getElementById("shape");
  const line = chosen.closest("tbody");
  button.formAction = form.action + (line ? `#${line.id}` : "");
  form.requestSubmit(button);
});
