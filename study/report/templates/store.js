"use strict";
// Links to single runs lead to MLflow's pages, which answer only while its server runs: the first of them says so.
(() => {
  const dialog = document.getElementById("store");
  const go = dialog.querySelector("a");
  let told = false;
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-store]");
    if (!link || told) return;
    event.preventDefault();
    go.href = link.href;
    dialog.showModal();
  });
  go.addEventListener("click", () => {
    told = true;
    dialog.close();
  });
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
  for (const link of document.querySelectorAll("a[data-store]")) {
    link.target = "_blank";
    link.rel = "noopener";
  }
})();
