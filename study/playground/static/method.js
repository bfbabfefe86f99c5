// One optimizer of a playground: which, its rate, its knobs, and what came of it.
import { CATALOGUE } from "./catalogue.js";
import { knobControls } from "./controls.js";
import { choice, make, picture } from "./dom.js";
import { clamp, number } from "./numbers.js";
import { drawStrip } from "./views.js";
import { limitWords, outcomeWords } from "./words.js";

const KEYS = {
  ArrowLeft: -0.01,
  ArrowDown: -0.01,
  ArrowRight: 0.01,
  ArrowUp: 0.01,
  PageDown: -0.1,
  PageUp: 0.1,
}; // by how many decades a key moves the rate, and Shift a tenth of that

export const createMethod = (side, app) => {
  const names = Object.fromEntries(Object.entries(CATALOGUE).map(([name, { label }]) => [name, label]));
  const pick = choice(side === "a" ? "Optimizer" : "Second optimizer", names, (name) =>
    app.choose({ [side]: name }),
  );
  const strip = picture("strip", "");
  strip.canvas.setAttribute("aria-hidden", "true");
  const rate = make("input", { type: "range", min: 0, max: 1, step: 0.001, "aria-label": "Learning rate" });
  const exact = make("input", {
    type: "text",
    inputmode: "decimal",
    size: 7,
    "aria-label": "Learning rate as a number",
  });
  rate.addEventListener("input", () =>
    app.set(`${side}.lr`, Number((10 ** Number(rate.value)).toPrecision(4))),
  );
  // From what is set, not from what is drawn: a picture comes a moment after the key before.
  rate.addEventListener("keydown", (event) => {
    const far = KEYS[event.key];
    if (!far) return;
    event.preventDefault();
    const { range, sides } = app.model;
    const at = Math.log10(sides[side === "a" ? 0 : 1].optimizer.lr) + far * (event.shiftKey ? 0.1 : 1);
    app.set(`${side}.lr`, Number((10 ** clamp(at, range.low, range.high)).toPrecision(4)));
  });
  exact.addEventListener("change", () => {
    const value = Number(exact.value.replace(",", "."));
    if (value > 0 && Number.isFinite(value)) app.set(`${side}.lr`, value);
    app.queue();
  });
  const knobs = knobControls(app.settings[side], (key, value) => app.set(`${side}.${key}`, value));
  const outcome = make("p", { class: `pg-outcome pg-outcome-${side}` }),
    limit = make("p", { class: "pg-limit" });
  const mark = make("span", { class: `pg-mark pg-mark-${side}`, "aria-hidden": "true" });
  strip.place.append(rate);
  const element = make(
    "div",
    { class: "pg-method" },
    make(
      "div",
      { class: "pg-row" },
      mark,
      pick.element,
      make("div", { class: "pg-field" }, make("span", {}, "Learning rate"), exact),
    ),
    strip.place,
    limit,
    make("div", { class: "pg-row pg-knobs" }, ...Object.values(knobs).map((k) => k.element)),
  );
  const part = { element, outcome, strip, words: "" };
  part.show = (
    { optimizer, run, judged, word, verdict, sweep, limit: predicted },
    { problem, colors, range },
  ) => {
    const { label } = CATALOGUE[optimizer.name];
    pick.show(optimizer.name);
    [rate.min, rate.max, rate.value] = [range.low, range.high, Math.log10(optimizer.lr)];
    if (document.activeElement !== exact) exact.value = String(Number(optimizer.lr.toPrecision(3)));
    for (const [key, knob] of Object.entries(knobs)) knob.show(optimizer[key]);
    const said = word[0].toUpperCase() + word.slice(1);
    const sentence = outcomeWords({ optimizer, run, judged, word, limit: predicted }, problem, app.settings);
    const whose = app.settings.b
      ? [make("span", { class: `pg-mark pg-mark-${side}`, "aria-hidden": "true" }), `${label} `]
      : [];
    outcome.replaceChildren(
      ...whose,
      make("b", { class: `pg-${word.replace(" ", "-")}` }, said),
      ` ${sentence}`,
    );
    limit.textContent = limitWords(optimizer, label, predicted, problem);
    part.words = `${label}, learning rate ${number(optimizer.lr)}: ${said}. ${sentence}`;
    rate.setAttribute("aria-valuetext", part.words);
    drawStrip(strip.canvas, { colors, range, verdict, sweep, limit: predicted });
  };
  return part;
};
