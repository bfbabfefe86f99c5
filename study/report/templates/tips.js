"use strict";
// A thin line says what it is to a pointer that is only near: its title becomes that of the figure.
(() => {
  const AROUND = [0, 1, 2, 3, 4, 5, 6, 7].map((turn) => (turn * Math.PI) / 4);

  const said = (x, y) => {
    const mark = document.elementFromPoint(x, y)?.closest("figure svg :has(> title)");
    return mark?.querySelector(":scope > title").textContent;
  };

  document.addEventListener("pointermove", ({ target, clientX, clientY }) => {
    const figure = target.closest(".picture figure");
    if (!figure) return;
    let words = said(clientX, clientY);
    for (const far of [3, 6])
      for (const angle of AROUND)
        words ??= said(clientX + far * Math.cos(angle), clientY + far * Math.sin(angle));
    figure.title = words ?? "";
  });
})();
