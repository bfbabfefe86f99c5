// What is set, and the address that holds it. CATALOGUE: name -> { label, lr, knobs } of each method, from core.
import { CATALOGUE } from "./catalogue.js";

export const PROBLEMS = {
  parabola: "One parameter",
  line: "A line through points",
  valley: "A valley",
  himmelblau: "Four minima (Himmelblau)",
  rosenbrock: "A curved valley (Rosenbrock)",
  network: "A network in the plane",
};

// Steps that show what the rate does.
export const STEPS = { parabola: 30, line: 60, valley: 60, himmelblau: 60, rosenbrock: 200, network: 240 };

export const DEFAULTS = {
  problem: "line",
  steps: 60,
  batch: 0,
  seed: 0,
  speed: 8,
  start: "",
  a: "sgd",
  b: "",
  curvature: 1,
  condition: 10,
  angle: 30,
  slope: 2,
  intercept: -1,
  offset: 1,
  spread: 1,
  noise: 0.5,
  points: 30,
  standardised: false,
  fitted: true,
  loss: "half_mse",
  moved: "",
  data: "moons",
  hidden: 6,
  activation: "tanh",
  objective: "cross_entropy",
  samples: 100,
  blur: 0.15,
  own: "",
};

const parse = (words, like) =>
  typeof like === "boolean" ? words === "true" : typeof like === "number" ? Number(words) : words;

// Settings in words: those that differ from `base`, as the address has them after the name of the playground; a
// rate that `base` has and that is worked out is empty.
export const toHash = (settings, base) => {
  const said = new URLSearchParams();
  for (const [key, value] of Object.entries(settings)) if (value !== base[key]) said.set(key, value);
  for (const key of Object.keys(base)) if (!(key in settings)) said.set(key, "");
  return said.toString();
};

export const fromHash = (words, base) => {
  const settings = { ...base };
  for (const [key, said] of new URLSearchParams(words)) {
    const knob = /^[ab]\.\w+$/.test(key);
    if (!knob && !(key in DEFAULTS)) continue;
    if (knob && !said) {
      delete settings[key];
      continue;
    }
    const value = knob ? Number(said) : parse(said, DEFAULTS[key]);
    if (typeof value === "number" && !Number.isFinite(value)) continue;
    if ((key === "a" || (key === "b" && said)) && !CATALOGUE[said]) continue;
    if (key === "problem" && !PROBLEMS[said]) continue;
    settings[key] = value;
  }
  return settings;
};

// The hyperparameters of optimizer "a" or "b": those that are set, the others as core has them.
export const hyperOf = (settings, side) => {
  const name = settings[side],
    { knobs, lr } = CATALOGUE[name];
  const h = { name, lr: settings[`${side}.lr`] ?? lr };
  for (const [key, value] of Object.entries(knobs)) h[key] = settings[`${side}.${key}`] ?? value;
  return h;
};

export const lists = (words) => (words ? words.split(";").map((one) => one.split(",").map(Number)) : []);
export const listWords = (rows) =>
  rows.map((row) => row.map((v) => Number(v.toPrecision(4))).join(",")).join(";");
