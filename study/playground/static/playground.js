// The playground of one element of the page: controls, pictures, and what moves.
import { CATALOGUE } from "./catalogue.js";
import { colorsOf } from "./colors.js";
import { button, common, knobControls, problemControls } from "./controls.js";
import { choice, handle, make, picture, place } from "./dom.js";
import { savePicture } from "./export.js";
import { createModel } from "./model.js";
import { clamp, number } from "./numbers.js";
import { DEFAULTS, PROBLEMS, STEPS, fromHash, listWords, lists, toHash } from "./state.js";
import { drawCurve, drawData, drawLoss, drawMap, drawPlane, drawStrip } from "./views.js";
import { limitWords, outcomeWords } from "./words.js";

const RESETS = ["start", "moved", "a.lr", "b.lr"]; // settings that mean nothing for another problem
const STILLS = 10; // pictures that stand for a film where motion is not wanted
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export const createPlayground = (root) => {
  const base = { ...DEFAULTS, ...JSON.parse(root.dataset.state || "{}") };
  const own = `#${root.id}:`;
  const model = createModel();
  let settings = location.hash.startsWith(own) ? fromHash(location.hash.slice(own.length), base) : { ...base };
  let shown = Infinity, playing = false, last = 0, queued = false, hold = false, scales = {}, timer = 0, parts = {};

  const queue = () => {
    if (!queued) requestAnimationFrame(frame);
    queued = true;
  };
  const set = (key, value) => {
    settings = { ...settings, [key]: value };
    model.update(settings, hold);
    parts.refresh();
    if (key === "steps" && shown !== Infinity) shown = Math.min(shown, value);
    said();
    queue();
  };
  const replace = (changed) => {
    settings = changed;
    shown = Infinity;
    playing = false;
    compose();
  };
  // The address and the screen reader follow a moment later, not with every pixel of a drag.
  const said = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      history.replaceState(null, "", `${own}${toHash(settings, base)}`);
      parts.link.href = location.hash;
      parts.status.textContent = parts.methods.map((m) => m.words).join(" ");
    }, 350);
  };

  const frame = (now) => {
    queued = false;
    if (playing) {
      shown += (Math.min(now - last, 100) / 1000) * settings.speed;
      if (shown >= settings.steps) stop();
    }
    last = now;
    const more = model.work(6);
    draw();
    if (playing || more) queue();
  };
  const stop = () => {
    playing = false;
    if (shown >= settings.steps) shown = Infinity;
    parts.play.textContent = "Play";
  };
  const play = () => {
    if (playing) {
      stop();
    } else {
      if (shown === Infinity) shown = 0;
      playing = true;
      last = performance.now();
      parts.play.textContent = "Pause";
    }
    queue();
  };
  const step = (by) => {
    playing = false;
    parts.play.textContent = "Play";
    const now = shown === Infinity ? (by > 0 ? 0 : settings.steps) : Math.floor(shown);
    shown = clamp(now + by, 0, settings.steps);
    if (shown === settings.steps) shown = Infinity;
    queue();
  };

  const shownNow = () => {
    const every = playing && calm.matches ? settings.steps / STILLS : 1;
    return Math.floor(Math.floor(Math.min(shown, settings.steps) / every) * every);
  };
  const draw = () => {
    const { problem } = model, colors = colorsOf(root), at = shownNow();
    const judged = model.judge();
    const sides = judged.map((side, i) => ({ ...side, color: colors.sides[i] }));
    const scene = { problem, settings, colors, shown: at, runs: sides, names: namesOf(problem, settings), units: unitsOf(root), frame: hold ? scales.data?.frame : null };
    const main = problem.plane ? drawPlane : problem.dim === 1 ? drawCurve : drawMap;
    scales.main = main(parts.main.canvas, scene);
    if (problem.points && !problem.plane) scales.data = drawData(parts.data.canvas, scene);
    scales.loss = drawLoss(parts.loss.canvas, scene);
    sides.forEach((side, i) => parts.methods[i].show(side, { problem, settings, colors, range: model.range }));
    parts.scrub.max = settings.steps;
    parts.scrub.value = at;
    parts.count.textContent = `step ${at} of ${settings.steps}`;
    parts.scrub.setAttribute("aria-valuetext", parts.count.textContent);
    const words = sides.map((side) => `${CATALOGUE[side.optimizer.name].label} at learning rate ${number(side.optimizer.lr)}`).join(" and ");
    parts.main.canvas.setAttribute("aria-label", `${PROBLEMS[settings.problem]}: the way of ${words}`);
    placeHandles();
  };

  const placeHandles = () => {
    const { problem, start } = model, { x, y } = scales.main;
    if (parts.start) {
      const height = problem.dim === 1 ? problem.value(start) : start[1];
      place(parts.start, x(start[0]), y(height));
      parts.start.setAttribute("aria-label", `Start at ${start.map((v) => number(v)).join(", ")}: drag it, or move it by the arrow keys`);
    }
    parts.points.forEach((one, i) => place(one, scales.data.x(problem.points[i][0]), scales.data.y(problem.points[i][1])));
  };

  // The handle that moves the start, on the map or the curve.
  const startHandle = () => {
    let from;
    return handle("", {
      take: () => (from = [...model.start]),
      drag(dx, dy) {
        const { x, y } = scales.main, { center, half } = model.problem.view;
        const moved = [x.invert(x(from[0]) + dx)];
        if (model.problem.dim === 2) moved.push(y.invert(y(from[1]) + dy));
        const inside = moved.map((value, i) => clamp(value, center[i] - 0.98 * half, center[i] + 0.98 * half));
        if (shown !== Infinity && !playing) shown = Infinity;
        set("start", listWords([inside]));
      },
    });
  };
  // Handles that move the points of the line; one of them at a time is in the order of the Tab key.
  const pointHandles = () =>
    model.problem.points.map((_, i) => {
      let from;
      const one = handle(`Point ${i + 1} of ${model.problem.points.length}: arrow keys move it, Page Up and Page Down go to another`, {
        take: () => (from = [...model.problem.points[i]]),
        drag(dx, dy) {
          const { x, y } = scales.data;
          const moved = [i, x.invert(x(from[0]) + dx), y.invert(y(from[1]) + dy)];
          hold = true;
          set("moved", listWords([...lists(settings.moved).filter(([k]) => k !== i), moved]));
        },
      });
      const settle = () => {
        hold = false;
        model.update(settings);
        queue();
      };
      for (const end of ["pointerup", "keyup"]) one.addEventListener(end, settle);
      one.tabIndex = i ? -1 : 0;
      one.addEventListener("keydown", (event) => {
        const way = { PageUp: -1, PageDown: 1 }[event.key];
        if (!way) return;
        event.preventDefault();
        const next = parts.points[(i + way + parts.points.length) % parts.points.length];
        one.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      });
      return one;
    });

  const ownPoints = () => {
    const add = (x, y, c) => {
      const near = lists(settings.own).filter(([a, b]) => Math.hypot(a - x, b - y) > 0.08);
      const some = near.length < lists(settings.own).length ? near : [...near, [x, y, c]];
      set("own", listWords(some));
    };
    const group = choice("A click adds", { 0: "a green circle", 1: "a pink square" }, () => {});
    parts.main.place.addEventListener("click", (event) => {
      const box = parts.main.canvas.getBoundingClientRect(), { x, y } = scales.main;
      const [a, b] = [x.invert(event.clientX - box.left), y.invert(event.clientY - box.top)];
      if (Math.abs(a) < 2 && Math.abs(b) < 2) add(a, b, Number(group.element.querySelector("select").value));
    });
    return group.element;
  };

  // One optimizer: which, its rate, its knobs, and what came of it.
  const methodPart = (side) => {
    const names = Object.fromEntries(Object.entries(CATALOGUE).map(([name, { label }]) => [name, label]));
    const pick = choice(side === "a" ? "Optimizer" : "Second optimizer", names, (name) => {
      const { [`${side}.lr`]: _, ...rest } = settings;
      replace({ ...rest, [side]: name });
    });
    const strip = picture("strip", "");
    strip.canvas.setAttribute("aria-hidden", "true");
    const rate = make("input", { type: "range", min: 0, max: 1, step: 0.001, "aria-label": "Learning rate" });
    const exact = make("input", { type: "text", inputmode: "decimal", size: 7, "aria-label": "Learning rate as a number" });
    rate.addEventListener("input", () => set(`${side}.lr`, Number((10 ** Number(rate.value)).toPrecision(4))));
    rate.addEventListener("keydown", (event) => {
      const far = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1 }[event.key];
      if (!far) return;
      event.preventDefault();
      const moved = clamp(Number(rate.value) + far * (event.shiftKey ? 0.1 : 1), Number(rate.min), Number(rate.max));
      set(`${side}.lr`, Number((10 ** moved).toPrecision(4)));
    });
    exact.addEventListener("change", () => {
      const value = Number(exact.value.replace(",", "."));
      if (value > 0 && Number.isFinite(value)) set(`${side}.lr`, value);
      queue();
    });
    const knobs = knobControls(settings[side], (key, value) => set(`${side}.${key}`, value));
    const outcome = make("p", { class: "pg-outcome" }), limit = make("p", { class: "pg-limit" });
    const mark = make("span", { class: `pg-mark pg-mark-${side}`, "aria-hidden": "true" });
    strip.place.append(rate);
    const element = make("div", { class: "pg-method" },
      make("div", { class: "pg-row" }, mark, pick.element, make("div", { class: "pg-field" }, make("span", {}, "Learning rate"), exact),
        ...Object.values(knobs).map((k) => k.element)),
      strip.place, outcome, limit);
    const part = { element, strip, words: "" };
    part.show = ({ optimizer, run, judged, outcome: became, verdict, sweep, limit: predicted }, { problem, colors, range }) => {
      const { label } = CATALOGUE[optimizer.name];
      pick.show(optimizer.name);
      [rate.min, rate.max, rate.value] = [range.low, range.high, Math.log10(optimizer.lr)];
      if (document.activeElement !== exact) exact.value = String(Number(optimizer.lr.toPrecision(3)));
      for (const [key, knob] of Object.entries(knobs)) knob.show(optimizer[key]);
      const [word, sentence] = outcomeWords({ run, judged, outcome: became }, problem, settings);
      outcome.replaceChildren(make("b", { class: `pg-${became.replace(" ", "-")}` }, word), ` ${sentence}`);
      limit.textContent = limitWords(optimizer, label, predicted, problem);
      part.words = `${label}, learning rate ${number(optimizer.lr)}: ${word}. ${sentence}`;
      rate.setAttribute("aria-valuetext", part.words);
      drawStrip(strip.canvas, { colors, range, verdict, sweep, limit: predicted });
    };
    return part;
  };

  const conditions = () => {
    const set_ = Object.keys(toControls).map((key) => `${key} ${settings[key]}`);
    return [`${PROBLEMS[settings.problem]}; ${settings.steps} steps${set_.length ? `; ${set_.join(", ")}` : ""}`, ...parts.methods.map((m) => m.words)];
  };
  let toControls = {};

  const compose = () => {
    model.update(settings);
    const { problem } = model;
    const pick = choice("Problem", PROBLEMS, (value) => {
      const kept = Object.fromEntries(Object.entries(settings).filter(([key]) => !RESETS.includes(key)));
      replace({ ...kept, start: "", moved: "", steps: STEPS[value], problem: value });
    });
    const remake = ["points", "data", "hidden", "samples", "fitted"]; // what other parts of the page depend on
    toControls = problemControls(settings.problem, (key, value) => {
      const changes = { ...settings, [key]: value, ...(key === "fitted" && { start: "" }), ...(key === "points" && { moved: "" }) };
      if (remake.includes(key) && !["hidden", "samples"].includes(key)) return replace(changes);
      settings = changes;
      return set(key, value);
    });
    const shared = common(problem.samples, set);
    const second = choice("Compare with", { "": "nothing", ...Object.fromEntries(Object.entries(CATALOGUE).map(([n, c]) => [n, c.label])) },
      (value) => {
        const { "b.lr": _, ...rest } = settings;
        replace({ ...rest, b: value });
      });
    parts = { main: picture("main", ""), loss: picture("loss", "The loss that is left at each step"), points: [] };
    parts.methods = (settings.b ? ["a", "b"] : ["a"]).map(methodPart);
    parts.play = button("Play", play, { class: "pg-play" });
    parts.scrub = make("input", { type: "range", min: 0, step: 1, "aria-label": "Step shown", oninput: () => {
      playing = false;
      parts.play.textContent = "Play";
      const to = Number(parts.scrub.value);
      shown = to >= settings.steps ? Infinity : to;
      queue();
    } });
    parts.count = make("span", { class: "pg-count" });
    parts.link = make("a", { href: location.hash || "#" }, "Link to this");
    parts.status = make("p", { class: "pg-status", role: "status" });
    const extra = [];
    if (problem.view) parts.main.place.append((parts.start = startHandle()));
    if (problem.points && !problem.plane) {
      parts.data = picture("data", "The points, the line of least squares, and the line that is fitted");
      parts.points = pointHandles();
      parts.data.place.append(...parts.points);
    }
    if (settings.problem === "network" && settings.data === "own") extra.push(ownPoints());
    if (problem.samples) extra.push(button(problem.plane ? "New start" : "New draw", () => set("seed", settings.seed + 1)));
    const knobs = [...Object.values(toControls), ...Object.values(shared).filter((c) => c !== shared.speed)];
    root.replaceChildren(
      make("div", { class: "pg-row pg-top" }, pick.element, second.element),
      make("div", { class: `pg-stage${parts.data ? " pg-three" : ""}` }, parts.main.place,
        make("div", { class: "pg-side" }, ...(parts.data ? [parts.data.place] : []), parts.loss.place),
        make("div", { class: "pg-methods" }, ...parts.methods.map((m) => m.element)),
        make("div", { class: "pg-row pg-bar" }, parts.play, button("Step back", () => step(-1)), button("Step", () => step(1)), parts.scrub, parts.count, shared.speed.element)),
      make("details", { class: "pg-more", open: root.dataset.open === "true" }, make("summary", {}, "Change the problem"),
        make("div", { class: "pg-row" }, ...knobs.map((c) => c.element), ...extra)),
      make("div", { class: "pg-row pg-foot" }, button("Save as PNG", () => savePicture(root, conditions())),
        button("Start over", () => replace({ ...base })), parts.link),
      parts.status,
    );
    showControls(pick, second, shared);
    said();
    draw();
    queue();
  };

  const showControls = (pick, second, shared) => {
    pick.show(settings.problem);
    second.show(settings.b);
    const all = { ...toControls, ...shared };
    parts.refresh = () => Object.entries(all).forEach(([key, control]) => control.show(settings[key]));
    parts.refresh();
  };

  compose();
  const again = () => queue();
  new ResizeObserver(again).observe(root);
  for (const query of ["print", "(prefers-color-scheme: dark)"]) matchMedia(query).addEventListener("change", draw);
  addEventListener("hashchange", () => {
    if (location.hash.startsWith(own)) replace(fromHash(location.hash.slice(own.length), base));
  });
  if (root.dataset.autoplay === "true" && !calm.matches) {
    const seen = new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) return;
      seen.disconnect();
      if (shown === Infinity && !playing) play();
    }, { threshold: 0.6 });
    seen.observe(parts.main.place);
  }
};

const namesOf = (problem, settings) =>
  problem.points && !problem.plane && settings.standardised ? problem.names.map((name) => `${name} (standardised)`) : problem.names;

const unitsOf = (root) => [root.dataset.x || "x", root.dataset.y || "y"];

for (const root of document.querySelectorAll(".playground")) createPlayground(root);
