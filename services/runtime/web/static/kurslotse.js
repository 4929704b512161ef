// Everything works without this file: it opens the print dialogue, ticks all boxes of a list, keeps what is ticked, and prints what is collapsed.
document.addEventListener("click", (event) => {
  const print = event.target.closest("[data-print]");
  if (print) window.print();
});
document.addEventListener("change", (event) => {
  const all = event.target.closest("[data-all]");
  if (!all) return;
  for (const box of document.querySelectorAll(`input[type=checkbox][name="${all.dataset.all}"]`)) box.checked = all.checked;
});
for (const part of document.querySelectorAll("[data-script]")) part.hidden = false;
// A list does not renew itself while boxes in it are ticked: they would be lost.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches(".kl-live") && event.target.querySelector("input:checked, input:focus")) event.preventDefault();
});
// Where the style sheet cannot open what is collapsed for the printer, and where `autofocus` is not known for what is no field.
let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  for (const part of opened) part.open = true;
});
window.addEventListener("afterprint", () => {
  for (const part of opened) part.open = false;
});
const wrong = document.querySelector("#errors[autofocus]");
if (wrong && document.activeElement !== wrong) wrong.focus();
