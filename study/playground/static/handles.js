// What is dragged in the pictures. `app` is the playground: its settings, model, scales and parts, and
// set(key, value), hold(whether axes stay as they are) and rest().
import { choice, handle } from "./dom.js";
import { clamp } from "./numbers.js";
import { lists, listWords } from "./state.js";

// The handle that moves the start, on the map or the curve.
export const startHandle = (app) => {
  let from;
  return handle("", {
    take() {
      from = [...app.model.start];
    },
    drag(dx, dy) {
      const { x, y } = app.scales.main;
      const { center, half } = app.model.problem.view;
      const moved = [x.invert(x(from[0]) + dx)];
      if (app.model.problem.dim === 2) moved.push(y.invert(y(from[1]) + dy));
      const inside = moved.map((value, i) => clamp(value, center[i] - 0.98 * half, center[i] + 0.98 * half));
      app.rest();
      app.set("start", listWords([inside]));
    },
  });
};

// Handles that move the points of the line; one of them at a time is in the order of the Tab key.
export const pointHandles = (app) => {
  const { length } = app.model.problem.points;
  const all = Array.from({ length }, (_, i) => pointHandle(app, i, length));
  all.forEach((one, i) => {
    one.tabIndex = i ? -1 : 0;
    one.addEventListener("keydown", (event) => {
      const way = { PageUp: -1, PageDown: 1 }[event.key];
      if (!way) return;
      event.preventDefault();
      const next = all[(i + way + length) % length];
      one.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  });
  return all;
};

const pointHandle = (app, i, count) => {
  let from;
  const one = handle(`Point ${i + 1} of ${count}: arrow keys move it, Page Up and Page Down go to another`, {
    take() {
      from = [...app.model.problem.points[i]];
    },
    drag(dx, dy) {
      const { x, y } = app.scales.data;
      const moved = [i, x.invert(x(from[0]) + dx), y.invert(y(from[1]) + dy)];
      app.hold(true);
      app.set("moved", listWords([...lists(app.settings.moved).filter(([k]) => k !== i), moved]));
    },
  });
  for (const end of ["pointerup", "keyup"]) one.addEventListener(end, () => app.hold(false));
  return one;
};

// A click on the plane adds a point of the chosen class, or takes one away; the choice of the class.
export const ownPoints = (app) => {
  const { canvas, place } = app.parts.main;
  const group = choice("A click adds", { 0: "a green circle", 1: "a pink square" }, () => {});
  place.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const { x, y } = app.scales.main;
    const [a, b] = [x.invert(event.clientX - box.left), y.invert(event.clientY - box.top)];
    if (Math.abs(a) > 2 || Math.abs(b) > 2) return;
    const known = lists(app.settings.own);
    const others = known.filter(([p, q]) => Math.hypot(p - a, q - b) > 0.08);
    const kind = Number(group.element.querySelector("select").value);
    app.set("own", listWords(others.length < known.length ? others : [...known, [a, b, kind]]));
  });
  return group.element;
};
