// The controls of each problem and of an optimizer. set(key, value) changes one setting.
import { CATALOGUE } from "./catalogue.js";
import { choice, make, slider, tick } from "./dom.js";
import { number } from "./numbers.js";

const plain = (low, high, step) => ({ low, high, step, words: (v) => number(v, 3) });
const logarithmic = (low, high) => ({
  low: Math.log10(low),
  high: Math.log10(high),
  step: 0.01,
  to: Math.log10,
  from: (v) => Number((10 ** v).toPrecision(3)),
  words: (v) => number(v, 3),
});

const KNOBS = {
  parabola: { curvature: ["Curvature", logarithmic(0.1, 10)] },
  line: {
    slope: ["Slope of the data", plain(-5, 5, 0.1)],
    intercept: ["Intercept of the data", plain(-5, 5, 0.1)],
    offset: ["Offset: mean of x", plain(-5, 5, 0.1)],
    spread: ["Spread of x", plain(0.1, 3, 0.05)],
    noise: ["Noise", plain(0, 3, 0.05)],
    points: ["Points", plain(4, 80, 1)],
    loss: ["Loss", { half_mse: "½ mean square", mse: "mean square", rmse: "root mean square" }],
    standardised: ["Standardise x and y"],
    fitted: ["Fit the intercept"],
  },
  valley: {
    condition: ["Condition number", logarithmic(1, 1000)],
    angle: ["Turned by", { ...plain(0, 90, 1), words: (v) => `${v}°` }],
  },
  himmelblau: {},
  rosenbrock: {},
  network: {
    data: ["Data", { moons: "two moons", own: "my own" }],
    hidden: [
      "Hidden units",
      { ...plain(0, 16, 1), words: (v) => (v ? String(v) : "none: logistic regression") },
    ],
    activation: ["Activation", { tanh: "tanh", sigmoid: "sigmoid", relu: "ReLU" }],
    objective: ["Loss", { cross_entropy: "cross-entropy", mse: "mean square" }],
    blur: ["Noise", plain(0, 0.5, 0.01)],
    samples: ["Points", plain(20, 300, 10)],
  },
};

// Controls by key.
export const problemControls = (problem, set) =>
  Object.fromEntries(
    Object.entries(KNOBS[problem]).map(([key, [label, kind]]) => {
      const change = (value) => set(key, value);
      if (!kind) return [key, tick(label, change)];
      return [key, kind.words ? slider(label, kind, change) : choice(label, kind, change)];
    }),
  );

// Decays, from 0 to 0.9999, with room near 1.
const decays = {
  low: 0,
  high: 4,
  step: 0.01,
  to: (v) => -Math.log10(1 - v),
  from: (v) => Number((1 - 10 ** -v).toPrecision(4)),
  words: (v) => number(v, 4),
};
const small = {
  low: -12,
  high: 0,
  step: 0.1,
  to: Math.log10,
  from: (v) => Number((10 ** v).toPrecision(2)),
  words: (v) => number(v),
};
const NAMES = {
  momentum: ["Momentum β", decays],
  alpha: ["Decay α", decays],
  beta1: ["β₁", decays],
  beta2: ["β₂", decays],
  eps: ["ε", small],
  weight_decay: ["Weight decay", plain(0, 1, 0.01)],
};

export const knobControls = (name, set) =>
  Object.fromEntries(
    Object.keys(CATALOGUE[name].knobs).map((key) => [key, slider(...NAMES[key], (value) => set(key, value))]),
  );

// samples(): how many there are to make batches of.
export const common = (samples, set) => ({
  steps: slider(
    "Steps",
    { low: 1, high: 3, step: 0.01, to: Math.log10, from: (v) => Math.round(10 ** v) },
    (v) => set("steps", v),
  ),
  ...(samples() && {
    batch: slider(
      "Batch",
      {
        low: 0,
        high: 1,
        step: 0.002,
        to: (v) => (v && v < samples() ? Math.log2(v) / Math.log2(samples()) : 1),
        from: (v) => {
          const size = Math.round(samples() ** v);
          return size >= samples() ? 0 : size;
        },
        words: (v) => (!v || v >= samples() ? `all ${samples()}` : v === 1 ? "1: stochastic" : String(v)),
      },
      (v) => set("batch", v),
    ),
  }),
  speed: choice(
    "Speed",
    { 2: "2 steps a second", 8: "8 steps a second", 30: "30 steps a second", 120: "120 steps a second" },
    (v) => set("speed", Number(v)),
  ),
});

export const button = (words, click, attributes = {}) =>
  make("button", { type: "button", onclick: click, ...attributes }, words);
