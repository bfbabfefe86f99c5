// What the playground says, from its runs.
import { number, percent } from "./numbers.js";

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

// The outcome of a run in one word and one or two sentences.
export const outcomeWords = ({ run, judged, outcome }, problem, settings) => {
  const { steps } = settings,
    side = jumps(run, problem.dim);
  const small = problem.plane
    ? "a tenth of the loss above the best one found here"
    : `${percent(problem.tolerance)} of the starting loss`;
  const left = problem.plane ? "of the loss above the best one found here" : "of the starting loss";
  if (outcome === "diverged") {
    const how = side
      ? "Each step lands on the other side, farther away than before"
      : "The steps throw it farther and farther away";
    const end = run.burst
      ? `after ${number(run.updates, 4)} step${run.updates === 1 ? "" : "s"} the loss is over a million times the start’s`
      : `after ${steps} steps the loss is ${number(judged.gaps[judged.gaps.length - 1])} times the start’s`;
    return ["Diverged", `${how}: ${end}.`];
  }
  if (outcome === "converged") {
    const how = side
      ? " It overshoots on the way: most steps land on the other side of the valley, but nearer."
      : "";
    return ["Converged", `Less than ${small} is left from step ${judged.settled} on.${how}`];
  }
  if (outcome === "too small") {
    return [
      "Too small",
      `The steps are too short to arrive: after ${steps} of them ${percent(judged.end)} ${left} is left.`,
    ];
  }
  const how =
    settings.batch && settings.batch < problem.samples
      ? "The batches’ noise keeps throwing it about"
      : side
        ? "It jumps from side to side and does not settle"
        : "It does not blow up, but does not settle either";
  return ["Too large", `${how}: up to ${percent(judged.worst)} ${left} is left at the end.`];
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
    "Left of it each step ends nearer to the minimum; right of it each step lands beyond the minimum, farther away than it came from.";
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
