// The playground of one element of the page: controls, pictures, and what moves.
import { CATALOGUE } from "./catalogue.js";
import { colorsOf } from "./colors.js";
import { button, common, problemControls } from "./controls.js";
import { choice, make, picture, place } from "./dom.js";
import { savePicture } from "./export.js";
import { ownPoints, pointHandles, startHandle } from "./handles.js";
import { createMethod } from "./method.js";
import { createModel } from "./model.js";
import { clamp, number } from "./numbers.js";
import { DEFAULTS, fromHash, PROBLEMS, toHash } from "./state.js";
import { drawCurve, drawData, drawLoss, drawMap, drawPlane } from "./views.js";
import { createVisits } from "./visits.js";

const STILLS = 10; // pictures that stand for a film where motion is not wanted
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export const createPlayground = (root) => {
  const base = { ...DEFAULTS, ...JSON.parse(root.dataset.state || "{}") };
  const own = `#${root.id}:`;
  const model = createModel();
  let settings = location.hash.startsWith(own)
    ? fromHash(location.hash.slice(own.length), base)
    : { ...base };
  let visits = createVisits(base),
    shown = Infinity,
    playing = false,
    last = 0,
    queued = false,
    hold = false,
    scales = {},
    timer = 0,
    parts = {};

  const app = {
    get settings() {
      return settings;
    },
    get model() {
      return model;
    },
    get scales() {
      return scales;
    },
    get parts() {
      return parts;
    },
    set: (key, value) => set(key, value),
    choose: (chosen) => replace(visits.go(settings, chosen)),
    replace: (changed) => replace(changed),
    queue: () => queue(),
    hold(on) {
      hold = on;
      if (!on) model.update(settings);
      queue();
    },
    // Whole runs again, where a step on the way was shown.
    rest() {
      if (!playing) shown = Infinity;
    },
  };
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
      shown += (clamp(now - last, 0, 100) / 1000) * settings.speed; // a frame may have begun before the click
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
    const { problem } = model,
      colors = colorsOf(root),
      at = shownNow();
    const judged = model.judge();
    const sides = judged.map((side, i) => ({ ...side, color: colors.sides[i] }));
    const scene = {
      problem,
      settings,
      colors,
      shown: at,
      runs: sides,
      names: namesOf(problem, settings),
      units: unitsOf(root),
      frame: hold ? scales.data?.frame : null,
    };
    const main = problem.plane ? drawPlane : problem.dim === 1 ? drawCurve : drawMap;
    scales.main = main(parts.main.canvas, scene);
    if (problem.points && !problem.plane) scales.data = drawData(parts.data.canvas, scene);
    scales.loss = drawLoss(parts.loss.canvas, scene);
    for (const [i, side] of sides.entries())
      parts.methods[i].show(side, { problem, colors, range: model.range });
    parts.scrub.max = settings.steps;
    parts.scrub.value = at;
    parts.count.textContent = `step ${at} of ${settings.steps}`;
    parts.scrub.setAttribute("aria-valuetext", parts.count.textContent);
    const words = sides
      .map((side) => `${CATALOGUE[side.optimizer.name].label} at learning rate ${number(side.optimizer.lr)}`)
      .join(" and ");
    parts.main.canvas.setAttribute("aria-label", `${PROBLEMS[settings.problem]}: the way of ${words}`);
    placeHandles();
  };

  const placeHandles = () => {
    const { problem, start } = model,
      { x, y } = scales.main;
    if (parts.start) {
      const height = problem.dim === 1 ? problem.value(start) : start[1];
      place(parts.start, x(start[0]), y(height));
      parts.start.setAttribute(
        "aria-label",
        `Start at ${start.map((v) => number(v)).join(", ")}: drag it, or move it by the arrow keys`,
      );
    }
    for (const [i, one] of parts.points.entries()) {
      if (problem.points[i])
        place(one, scales.data.x(problem.points[i][0]), scales.data.y(problem.points[i][1]));
    }
  };

  const conditions = () => {
    const given = Object.keys(toControls).map((key) => `${key} ${settings[key]}`);
    return [
      `${PROBLEMS[settings.problem]}; ${settings.steps} steps${given.length ? `; ${given.join(", ")}` : ""}`,
      ...parts.methods.map((m) => m.words),
    ];
  };
  let toControls = {};

  // A change of the problem's own settings: some make parts of the page anew.
  const change = (key, value) => {
    if (key === "data") replace({ ...settings, data: value });
    else if (key === "fitted") replace({ ...settings, fitted: value, start: "" });
    else if (key === "points") {
      settings = { ...settings, moved: "" };
      set(key, value);
      newPoints();
    } else set(key, value);
  };
  const newPoints = () => {
    for (const one of parts.points) one.remove();
    parts.points = pointHandles(app);
    parts.data.place.append(...parts.points);
  };

  const compose = () => {
    model.update(settings);
    const { problem } = model;
    const unfolded = root.querySelector(".pg-more")?.open ?? root.dataset.open === "true";
    const pick = choice("Problem", PROBLEMS, (problem) => app.choose({ problem }));
    toControls = problemControls(settings.problem, change);
    const shared = common(() => model.problem.samples, set);
    const second = choice(
      "Compare with",
      { "": "nothing", ...Object.fromEntries(Object.entries(CATALOGUE).map(([n, c]) => [n, c.label])) },
      (b) => app.choose({ b }),
    );
    parts = {
      main: picture("main", ""),
      loss: picture("loss", "The loss that is left at each step"),
      points: [],
    };
    parts.methods = (settings.b ? ["a", "b"] : ["a"]).map((side) => createMethod(side, app));
    parts.play = button("Play", play, { class: "pg-play" });
    parts.scrub = make("input", {
      type: "range",
      min: 0,
      step: 1,
      "aria-label": "Step shown",
      oninput: () => {
        playing = false;
        parts.play.textContent = "Play";
        const to = Number(parts.scrub.value);
        shown = to >= settings.steps ? Infinity : to;
        queue();
      },
    });
    parts.count = make("span", { class: "pg-count" });
    parts.link = make("a", { href: location.hash || "#" }, "Link to this");
    parts.status = make("p", { class: "pg-status", role: "status" });
    const extra = [];
    if (problem.view) parts.start = startHandle(app);
    if (parts.start) parts.main.place.append(parts.start);
    if (problem.points && !problem.plane) {
      parts.data = picture("data", "The points, the line of least squares, and the line that is fitted");
      newPoints();
    }
    if (settings.problem === "network" && settings.data === "own") extra.push(ownPoints(app));
    if (problem.samples)
      extra.push(button(problem.plane ? "New start" : "New draw", () => set("seed", settings.seed + 1)));
    const knobs = [...Object.values(toControls), ...Object.values(shared).filter((c) => c !== shared.speed)];
    root.replaceChildren(
      make("div", { class: "pg-row pg-top" }, pick.element, second.element),
      make(
        "div",
        { class: `pg-stage${parts.data ? " pg-three" : ""}` },
        parts.main.place,
        make("div", { class: "pg-side" }, ...(parts.data ? [parts.data.place] : []), parts.loss.place),
        make("div", { class: "pg-verdicts" }, ...parts.methods.map((m) => m.outcome)),
        make("div", { class: "pg-methods" }, ...parts.methods.map((m) => m.element)),
        make(
          "div",
          { class: "pg-row pg-bar" },
          parts.play,
          button("Step back", () => step(-1)),
          button("Step", () => step(1)),
          parts.scrub,
          parts.count,
          shared.speed.element,
        ),
      ),
      make(
        "details",
        { class: "pg-more", open: unfolded },
        make("summary", {}, "Change the problem"),
        make("div", { class: "pg-row" }, ...knobs.map((c) => c.element), ...extra),
      ),
      make(
        "div",
        { class: "pg-row pg-foot" },
        button("Save as PNG", () => savePicture(root, conditions())),
        button("Start over", () => {
          visits = createVisits(base);
          replace({ ...base });
        }),
        parts.link,
      ),
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
    parts.refresh = () => {
      for (const [key, control] of Object.entries(all)) control.show(settings[key]);
    };
    parts.refresh();
  };

  compose();
  const again = () => queue();
  new ResizeObserver(again).observe(root);
  for (const query of ["print", "(prefers-color-scheme: dark)"])
    matchMedia(query).addEventListener("change", draw);
  addEventListener("hashchange", () => {
    if (location.hash.startsWith(own)) replace(fromHash(location.hash.slice(own.length), base));
  });
  if (root.dataset.autoplay === "true" && !calm.matches) {
    const seen = new IntersectionObserver(
      ([entry]) => {
        if (!entry.isIntersecting) return;
        seen.disconnect();
        if (shown === Infinity && !playing) play();
      },
      { threshold: 0.6 },
    );
    seen.observe(parts.main.place);
  }
};

const namesOf = (problem, settings) =>
  problem.points && !problem.plane && settings.standardised
    ? problem.names.map((name) => `${name} (standardised)`)
    : problem.names;

const unitsOf = (root) => [root.dataset.x || "x", root.dataset.y || "y"];

for (const root of document.querySelectorAll(".playground")) createPlayground(root);
