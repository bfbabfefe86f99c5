// What the playground says, from its runs.
import { number, percent } from "./numbers.js";
import { TOLERANCE } from "./verdict.js";

const LIMITS = {
  sgd: "2 / λ",
  momentum: "2 (1 + β) / λ",
  nesterov: "2 (1 + β) / ((1 + 2β) λ)",
};

const WITHOUT = {
  adagrad:
    "It divides by all the gradients that it has seen, so its steps shrink until they fit: too large a rate throws it far out, and it comes back.",
  amsgrad:
    "It divides by the largest gradients that it has seen, so its steps shrink until they fit: too large a rate throws it far out, and it comes back.",
  adam: "Each step is about as long as the rate, for it divides by the size of its gradients, which it forgets slowly: too large a rate throws it far out, and brings it back late.",
  rmsprop:
    "Each step is about as long as the rate, for it divides by the size of its gradients: too large a rate keeps it jumping about the minimum, and a far larger one higher up than it began, but without end it does not grow.",
  signsgd:
    "Each step is just as long as the rate: too large a rate keeps it jumping about the minimum, and a far larger one higher up than it began, but without end it does not grow.",
};
WITHOUT.adamw = WITHOUT.adam;
WITHOUT.lion = WITHOUT.signsgd;

// Whether most of the early steps turn back on the one before.
const jumps = (run, dim, count = 24) => {
  let back = 0,
    seen = 0;
  for (let t = 2; t <= Math.min(run.updates, count); t++) {
    let along = 0;
    for (let i = 0; i < dim; i++) {
      const [a, b, c] = [t - 2, t - 1, t].map((k) => run.path[k * dim + i]);
      along += (b - a) * (c - b);
    }
    seen++;
    if (along < 0) back++;
  }
  return seen > 2 && back > 0.6 * seen;
};

const ofWhat = (problem) =>
  problem.plane ? "of the loss above the best one found here" : "of the starting loss";

const diverging = ({ run, judged }, side, steps) => {
  const how = side
    ? "Each step lands on the other side, farther away than before"
    : "The steps throw it farther and farther away";
  const end = run.burst
    ? `after ${number(run.updates, 4)} step${run.updates === 1 ? "" : "s"} the loss is over a million times the start’s`
    : `after ${steps} steps the loss is ${number(judged.gaps[judged.gaps.length - 1])} times the start’s`;
  return `${how}: ${end}.`;
};

const arriving = ({ run, judged, word }, problem) => {
  const low = `less than ${percent(TOLERANCE)} ${ofWhat(problem)} is left from step ${judged.settled} on.`;
  if (word === "right") return `It converges: ${low}`;
  return run.beyond > 0.5
    ? `It converges, though most steps land beyond the lowest point on their way: ${low}`
    : `It is thrown out, up to ${number(judged.most)} times the starting loss, and comes back: ${low}`;
};

// Of a run that has neither diverged nor arrived at a rate above the best.
const unsettled = ({ optimizer, judged, word, limit }, problem, side, settings) => {
  const { steps, batch } = settings;
  const noisy = batch && batch < problem.samples;
  const below = limit?.basis === "exact" && !noisy && optimizer.lr < limit.rate;
  if (below || word === "overshooting") {
    const how = side ? "Most steps land on the other side" : "It swings about the minimum";
    const why = below
      ? "Below the limit it converges in the end, but slowly"
      : "The loss still falls, but slowly";
    return `${how}, only a little nearer than before. ${why}: after ${steps} steps ${percent(judged.end)} ${ofWhat(problem)} is left.`;
  }
  const how = noisy
    ? "The batches’ noise keeps throwing it about"
    : side
      ? "It jumps from side to side and does not settle"
      : "It does not blow up, but does not settle either";
  return `${how}: up to ${percent(judged.worst)} ${ofWhat(problem)} is left at the end.`;
};

// What became of a run whose rate is called `word`, in a sentence or two.
export const outcomeWords = (one, problem, settings) => {
  const { run, judged, word } = one,
    side = jumps(run, problem.dim);
  if (word === "diverging") return diverging(one, side, settings.steps);
  if (judged.converged) return arriving(one, problem);
  if (word === "too small")
    return `The steps are too short to arrive: after ${settings.steps} of them ${percent(judged.end)} ${ofWhat(problem)} is left.`;
  return unsettled(one, problem, side, settings);
};

// Where theory puts the limit of a method, and what happens on each side of it.
export const limitWords = (optimizer, label, limit, problem) => {
  if (!limit) {
    return LIMITS[optimizer.name]
      ? "No limit is predicted: the loss does not curve upwards at the start."
      : `${label} has no limit to predict. ${WITHOUT[optimizer.name]} Too small a rate does not arrive.`;
  }
  const formula = LIMITS[optimizer.name],
    full = number(limit.full, 3),
    lambda = number(limit.curvature, 3);
  const curvature = problem.quadratic ? "λ the largest curvature of the loss" : "λ the largest curvature";
  const sides =
    "Left of it the run converges in the end, close to it slowly; right of it each step lands beyond the minimum, farther away than it came from.";
  switch (limit.basis) {
    case "exact":
      return `Predicted limit: ${formula} = ${full}, with ${curvature}, here ${lambda}. ${sides}`;
    case "mean square":
      return `Predicted limit with these batches: ${number(limit.rate, 3)}, where the mean square of the distance begins to grow; with all the data at once it would be ${formula} = ${full}. Below it noise keeps the run at a distance that shrinks with the rate; above it the noise of a step outgrows what the step gains.`;
    case "root":
      return `The loss is a root, so its curvature grows towards the minimum: right of ${full} (${formula} at the minimum) it does not blow up, but jumps about the minimum for ever.`;
    case "minimum":
      return `Predicted limit at the minimum: ${formula} = ${full}, with ${curvature} there, here ${lambda}. Left of it a run can settle there; right of it none comes to rest there.`;
    default:
      return `An estimate, from the curvature at the start: ${formula} = ${full}, λ = ${lambda}. Left of it the first steps go down; right of it they overshoot, and training may still find a flatter place to go on from.`;
  }
};
