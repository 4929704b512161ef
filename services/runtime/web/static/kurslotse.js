// Everything works without this file: it only opens the print dialogue and ticks all boxes of a list.
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
