"use strict";
(() => {
  const filters = document.querySelector(".filters");
  const output = filters.querySelector("output");
  const selects = [...filters.querySelectorAll("select")];
  const filtered = [...document.querySelectorAll("[data-problem], [data-optimizer], tbody [data-batch]")];
  const switches = [...document.querySelectorAll(".switch")];

  const show = (place, batch) => {
    for (const button of place.querySelectorAll(".tabs button")) {
      button.setAttribute("aria-pressed", String(button.dataset.batch === batch));
    }
    for (const part of place.querySelectorAll(".curves")) part.hidden = part.dataset.curves !== batch;
  };

  const apply = () => {
    const wanted = Object.fromEntries(selects.map((s) => [s.dataset.filter, s.value]));
    for (const element of filtered) {
      element.hidden = Object.entries(wanted).some(
        ([kind, value]) => value && element.dataset[kind] && element.dataset[kind] !== value,
      );
    }
    for (const row of document.querySelectorAll("tbody")) {
      let last = null;
      for (const line of row.rows) {
        if (line.hidden) continue;
        const name = `${line.dataset.problem}|${line.dataset.optimizer}`;
        line.classList.toggle("first", name !== last);
        last = name;
      }
    }
    for (const place of switches) {
      const available = [...place.querySelectorAll(".tabs button")].map((b) => b.dataset.batch);
      if (available.includes(wanted.batch)) show(place, wanted.batch);
    }
    const parts = [...document.querySelectorAll("section.problem")];
    const active = selects.some((s) => s.value);
    output.textContent = active
      ? `${parts.filter((p) => !p.hidden).length} of ${parts.length} problems shown`
      : "";
  };

  for (const place of switches) {
    place.querySelector(".tabs").hidden = false;
    show(place, place.querySelector('[aria-pressed="true"]').dataset.batch);
    place.addEventListener("click", (event) => {
      const button = event.target.closest(".tabs button");
      if (button) show(place, button.dataset.batch);
    });
  }
  filters.hidden = false;
  filters.addEventListener("change", apply);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.addEventListener("reset", () => setTimeout(apply));

  const links = new Map([...document.querySelectorAll("nav a[href]")].map((a) => [a.hash.slice(1), a]));
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(entry.target.id).setAttribute("aria-current", "true");
      }
    },
    { rootMargin: "-15% 0px -80% 0px" },
  );
  for (const id of links.keys()) seen.observe(document.getElementById(id));
  if (matchMedia("(max-width: 60rem)").matches) document.querySelector("nav details").open = false;
})();
