"use strict";
// Figures saved as SVG and PNG: the panels that are shown, under their title, legend and what they hold for.
(() => {
  const NS = "http://www.w3.org/2000/svg";
  const MARGIN = 16,
    SCALE = 2;
  const { button, named, save } = window.overshoot;

  const element = (name, attributes, ...children) => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const measure = document.createElement("canvas").getContext("2d");
  const wrapped = (words, width, font) => {
    measure.font = font;
    const lines = [];
    for (const word of words.split(" ")) {
      const line = lines.length ? `${lines[lines.length - 1]} ${word}` : word;
      if (lines.length && measure.measureText(line).width <= width) lines[lines.length - 1] = line;
      else lines.push(word);
    }
    return lines;
  };

  // The page's rules of drawings, with the colours of light paper in the place of variables: a file has no page.
  const rules = () => {
    const style = document.querySelector("style").textContent;
    const light = /^:root\{([^}]*)\}/.exec(style)[1];
    const colors = new Map(light.split(";").map((one) => one.split(":")));
    const own = [...style.matchAll(/\.s\d+\{[^}]*\}/g)].map(([rule]) => rule).join("");
    return own.replace(/var\((--[\w-]+)\)/g, (_, name) => colors.get(name));
  };

  const text = (words, x, y, size, weight = "normal") =>
    element(
      "text",
      { x, y, "font-size": size, "font-weight": weight, "font-family": "sans-serif", fill: "#1d222b" },
      words,
    );

  const paragraph = (place, words, size, width, weight) => {
    for (const line of wrapped(words, width, `${weight} ${size}px sans-serif`)) {
      place.top += 1.35 * size;
      place.parts.push(text(line, MARGIN, place.top, size, weight));
    }
  };

  const legend = (place, keys, width) => {
    let x = MARGIN;
    measure.font = "12px sans-serif";
    if (keys.length) place.top += 26;
    for (const key of keys) {
      const words = key.textContent.trim(),
        room = 34 + measure.measureText(words).width + 18;
      if (x > MARGIN && x + room > width) [x, place.top] = [MARGIN, place.top + 20];
      const sign = document.querySelector(key.querySelector("use").getAttribute("href")).cloneNode(true);
      for (const [name, value] of Object.entries({ x, y: place.top - 10, width: 26, height: 12 }))
        sign.setAttribute(name, value);
      place.parts.push(sign, text(words, x + 32, place.top, 12));
      x += room;
    }
  };

  const panels = (place, figures, columns, side) => {
    place.top += 14;
    for (let i = 0; i < figures.length; i += columns) {
      let tallest = 0;
      figures.slice(i, i + columns).forEach((figure, k) => {
        const svg = figure.querySelector("svg").cloneNode(true);
        const [, , wide, high] = svg.getAttribute("viewBox").split(" ").map(Number);
        const height = (side * high) / wide,
          at = { x: MARGIN + k * side, y: place.top, width: side, height };
        for (const [name, value] of Object.entries(at)) svg.setAttribute(name, value);
        place.parts.push(svg);
        const said = figure.querySelector("figcaption");
        const below = { top: place.top + height, parts: [] };
        if (said) paragraph(below, said.textContent, 12, side - 24, "normal");
        for (const line of below.parts) line.setAttribute("x", MARGIN + k * side + 6);
        place.parts.push(...below.parts);
        tallest = Math.max(tallest, below.top - place.top);
      });
      place.top += tallest;
    }
  };

  const drawing = (picture) => {
    const figures = [...picture.querySelectorAll("figure")].filter((figure) => !figure.hidden);
    const columns = Math.min(figures.length, picture.querySelector(".wide") ? 2 : 4);
    const side = picture.querySelector(".wide") ? 520 : 330;
    const width = Math.max(columns * side, 660) + 2 * MARGIN;
    const place = { top: MARGIN, parts: [] };
    paragraph(place, picture.dataset.title, 18, width - 2 * MARGIN, "bold");
    const about = [picture.dataset.about, document.body.dataset.conditions].filter(Boolean).join(" ");
    paragraph(place, about, 12, width - 2 * MARGIN, "normal");
    legend(place, [...picture.querySelectorAll(".keys li")], width - MARGIN);
    panels(place, figures, columns, side);
    const height = Math.ceil(place.top + MARGIN);
    const paper = element("rect", { width, height, fill: "#fefefe" });
    const style = element("style", {}, rules());
    const size = { width, height, viewBox: `0 0 ${width} ${height}`, "font-family": "sans-serif" };
    return { svg: element("svg", size, style, paper, ...place.parts), width, height };
  };

  const asSvg = (picture) => new XMLSerializer().serializeToString(drawing(picture).svg);

  const asPng = (picture, done) => {
    const { svg, width, height } = drawing(picture),
      image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = width * SCALE;
      canvas.height = height * SCALE;
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(done);
    };
    image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  };

  for (const picture of document.querySelectorAll(".picture")) {
    const bar = document.createElement("p"),
      name = () => named(picture.dataset.title);
    bar.className = "tools";
    bar.append(
      button("Save as SVG", () => save(`${name()}.svg`, "image/svg+xml", asSvg(picture))),
      button("Save as PNG", () => asPng(picture, (blob) => save(`${name()}.png`, "image/png", blob))),
    );
    picture.append(bar);
  }
})();
