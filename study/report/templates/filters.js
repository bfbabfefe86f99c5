"use strict";
// Filters over the whole page, kept in its address after the place that is read: #ranges?optimizer=adam.
(() => {
  const form = document.querySelector(".filters");
  const output = form.querySelector("output");
  const selects = [...form.querySelectorAll("select")];
  const governed = [...document.querySelectorAll("main [data-problem], nav [data-problem]")].filter(
    (element) => element.tagName !== "TR",
  );
  const rows = [...document.querySelectorAll("tbody tr")];
  const lists = [...document.querySelectorAll(".list pre")].map((pre) => ({ pre, text: pre.textContent }));
  const switches = [...document.querySelectorAll(".switch")];
  const KINDS = selects.map((select) => select.dataset.filter);

  const show = (place, batch) => {
    for (const button of place.querySelectorAll(".tabs button")) {
      button.setAttribute("aria-pressed", String(button.dataset.batch === batch));
    }
    for (const part of place.querySelectorAll(".curves")) part.hidden = part.dataset.curves !== batch;
  };

  const differs = (element, wanted) =>
    Object.entries(wanted).some(
      ([kind, value]) => value && element.dataset[kind] && element.dataset[kind] !== value,
    );

  // Lines of comma-separated values, whose first one names the columns.
  const listed = (text, wanted) => {
    const [head, ...lines] = text.trimEnd().split("\n");
    const columns = ["optimizer", "batch"].map((kind) => [head.split(",").indexOf(kind), wanted[kind]]);
    const cells = (line) => line.match(/("([^"]|"")*"|[^,]*)(,|$)/g).map((c) => c.replace(/^"|"?,?$/g, ""));
    const kept = lines.filter((line) => {
      const said = cells(line);
      return columns.every(([i, value]) => !value || said[i].replaceAll('""', '"') === value);
    });
    return `${[head, ...kept].join("\n")}\n`;
  };

  // What a picture shows of everything although a filter names one.
  const unfiltered = (picture, wanted) => {
    const tiles = [...picture.querySelectorAll("figure")];
    const names = { optimizer: "optimizers", batch: "batch strategies" };
    const chosen = picture.closest("[data-curves]")?.dataset.curves;
    return Object.entries(names)
      .filter(([kind]) => wanted[kind] && !tiles.every((tile) => tile.dataset[kind]))
      .filter(([kind]) => !(kind === "batch" && chosen === wanted.batch))
      .map(([, name]) => name);
  };

  const notes = (wanted) => {
    for (const picture of document.querySelectorAll(".picture")) {
      picture.querySelector(".whole")?.remove();
      const whole = unfiltered(picture, wanted);
      if (!whole.length) continue;
      const note = document.createElement("p");
      note.className = "note whole";
      note.textContent = `All ${whole.join(" and ")} are in these panels; the filter does not act on them.`;
      picture.prepend(note);
    }
  };

  const address = (wanted) => {
    const [place] = location.hash.slice(1).split("?");
    const said = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value)).toString();
    const hash = place || said ? `#${place}${said ? `?${said}` : ""}` : " ";
    history.replaceState(null, "", hash === " " ? location.pathname + location.search : hash);
  };

  const apply = () => {
    const wanted = Object.fromEntries(selects.map((s) => [s.dataset.filter, s.value]));
    for (const element of governed) element.hidden = differs(element, wanted);
    for (const row of rows) row.dataset.out = String(differs(row, wanted));
    window.overshoot.again();
    for (const { pre, text } of lists) pre.textContent = listed(text, wanted);
    for (const place of switches) {
      const available = [...place.querySelectorAll(".tabs button")].map((b) => b.dataset.batch);
      if (available.includes(wanted.batch)) show(place, wanted.batch);
    }
    notes(wanted);
    const parts = [...document.querySelectorAll("section.problem")];
    output.textContent = selects.some((s) => s.value)
      ? `${parts.filter((p) => !p.hidden).length} of ${parts.length} problems; sentences are about the whole study.`
      : "";
    address(wanted);
  };

  // Filters from the address, then the place in it.
  const restore = () => {
    const [place, said] = location.hash.slice(1).split("?");
    if (said !== undefined) {
      const wanted = new URLSearchParams(said);
      for (const select of selects) {
        const value = wanted.get(select.dataset.filter) ?? "";
        select.value = [...select.options].some((o) => o.value === value) ? value : "";
      }
      apply();
    }
    if (said !== undefined && place) document.getElementById(place)?.scrollIntoView();
  };

  for (const place of switches) {
    place.querySelector(".tabs").hidden = false;
    show(place, place.querySelector('[aria-pressed="true"]').dataset.batch);
    place.classList.add("ready");
    place.addEventListener("click", (event) => {
      const button = event.target.closest(".tabs button");
      if (button) show(place, button.dataset.batch);
    });
  }
  form.hidden = false;
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  addEventListener("hashchange", () => {
    if (location.hash.includes("?")) restore();
    else apply(); // a link to a place on the page: the filters stay, and go with it
  });
  if (KINDS.some((kind) => location.hash.includes(`${kind}=`))) restore();

  const links = new Map([...document.querySelectorAll("nav ol a")].map((a) => [a.hash.slice(1), a]));
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
