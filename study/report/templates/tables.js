"use strict";
// Tables: sorted by a click on a column's name, filtered by words, saved as comma-separated values.
(() => {
  const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const NUMBER = /^[≥≤<>±~\s]*([−-]?[\d,]*\.?\d+)(?:·10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?/;
  const MOST = 8; // rows of a table that needs no filter of its own

  const exponent = (words) =>
    Number([...words].map((c) => (c === "⁻" ? "-" : RAISED.indexOf(c))).join("")) || 0;

  // The number that a text begins with, as in "6.6·10⁻⁴ [5·10⁻⁴, 7·10⁻⁴]" or "22 %"; null without.
  const numberOf = (words) => {
    if (words === "full") return Infinity; // of batch sizes the largest
    const power = /^[≥≤\s]*10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/.exec(words);
    if (power) return 10 ** exponent(power[1]);
    if (/^∞/.test(words)) return Infinity;
    const found = NUMBER.exec(words);
    if (!found) return null;
    return Number(found[1].replace("−", "-").replaceAll(",", "")) * 10 ** (found[2] ? exponent(found[2]) : 0);
  };

  const textOf = (cell) => cell.textContent.replace(/[\u00a0\u202f\s]+/g, " ").trim();

  // Where neighbouring rows of a problem begin alike, only the first shows what with.
  const regroup = (body) => {
    let last = null;
    for (const row of body.rows) {
      if (row.hidden) continue;
      const name = `${row.dataset.problem}|${textOf(row.cells[0])}`;
      row.classList.toggle("first", name !== last);
      last = name;
    }
  };

  const sorted = (rows, column, down) => {
    const keys = new Map(rows.map((row) => [row, textOf(row.cells[column])]));
    const none = (words) => words === "–" || words === "";
    return [...rows].sort((p, q) => {
      const [a, b] = [keys.get(p), keys.get(q)];
      if (none(a) || none(b)) return none(a) - none(b);
      const [x, y] = [numberOf(a), numberOf(b)];
      if (x === null && y === null) return (down ? -1 : 1) * a.localeCompare(b, "en", { numeric: true });
      if (x === null || y === null) return (x === null) - (y === null);
      return x === y ? 0 : (down ? -1 : 1) * (x < y ? -1 : 1);
    });
  };

  const sortable = (table) => {
    const body = table.tBodies[0],
      heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells],
      first = [...body.rows];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort"),
          next = { ascending: "descending", descending: "none" }[now] ?? "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        if (next !== "none") head.setAttribute("aria-sort", next);
        body.append(...(next === "none" ? first : sorted(first, column, next === "descending")));
        regroup(body);
      });
    });
  };

  const save = (name, type, content) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const slug = (words) =>
    words
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, "-")
      .replace(/^-|-$/g, "")
      .slice(0, 80);

  const named = (title) => slug(`${document.body.dataset.file} ${title}`);

  // The cells of the rows that are shown, under names that hold their columns' groups.
  const csv = (table) => {
    const [names, groups] = [...table.tHead.rows].reverse();
    const above = groups ? [...groups.cells].flatMap((c) => Array(c.colSpan).fill(textOf(c))) : [];
    const head = [...names.cells].map((c, i) => (above[i] ? `${above[i]}: ${textOf(c)}` : textOf(c)));
    const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
    const lines = [head, ...rows.map((row) => [...row.cells].map(textOf))];
    const quoted = (words) => (/[",]/.test(words) ? `"${words.replaceAll('"', '""')}"` : words);
    return `${lines.map((cells) => cells.map(quoted).join(",")).join("\n")}\n`;
  };

  const button = (words, click) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = words;
    made.addEventListener("click", click);
    return made;
  };

  // A row is shown where neither its table's filter nor the page's hides it.
  const narrowed = (body, search) => {
    const wanted = search?.value.toLowerCase() ?? "";
    for (const row of body.rows) {
      row.hidden = row.dataset.out === "true" || !textOf(row).toLowerCase().includes(wanted);
    }
    regroup(body);
  };

  // The field that filters its rows, where there are many.
  const tools = (table) => {
    const bar = document.createElement("div");
    const caption = textOf(table.caption);
    bar.className = "tools";
    let search = null;
    if (table.tBodies[0].rows.length > MOST) {
      const label = document.createElement("label");
      search = document.createElement("input");
      search.type = "search";
      search.addEventListener("input", () => narrowed(table.tBodies[0], search));
      label.append("Rows with ", search);
      bar.append(label);
    }
    bar.append(button("Save as CSV", () => save(`${named(caption)}.csv`, "text/csv", csv(table))));
    table.closest(".scroll").before(bar);
    return search;
  };

  const searches = new Map();
  for (const table of document.querySelectorAll("main table")) {
    sortable(table);
    searches.set(table, tools(table));
  }
  const again = () => {
    for (const [table, search] of searches) narrowed(table.tBodies[0], search);
  };
  window.overshoot = { again, button, named, save };
})();
