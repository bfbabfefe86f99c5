// One run, what became of it, and the sweep of runs over learning rates.
import { eigenvalues, fullLimit } from "./limits.js";
import { uniforms } from "./numbers.js";
import { fresh, RULES } from "./rules.js";
import { GONE, judge, wordOf } from "./verdict.js";

// The rows of each update's batch, drawn anew for each, the same for every run; null for full batches.
export const drawBatches = (samples, size, steps, seed) => {
  if (!samples || !size || size >= samples) return null;
  const uniform = uniforms(seed + 101),
    rows = Int32Array.from({ length: samples }, (_, i) => i);
  return Array.from({ length: steps }, () => {
    for (let i = 0; i < size; i++) {
      const j = i + Math.floor(uniform() * (samples - i));
      [rows[i], rows[j]] = [rows[j], rows[i]];
    }
    return rows.slice(0, size);
  });
};

// Whether the step that ended at theta went past the lowest point of the line it went along: the loss rises there.
const passed = (theta, g, path, t) => {
  const dim = theta.length;
  let slope = 0;
  for (let i = 0; i < dim; i++) slope += g[i] * (theta[i] - path[(t - 1) * dim + i]);
  return slope > 0;
};

// path: (updates + 1, dim), one after the other; losses: (updates + 1); updates: those made until the run was
// over or its loss was too large to go on from; beyond: the share of its steps that went past the lowest point on
// their way, 0 with batches, whose noise would decide it.
export const train = (problem, optimizer, start, steps, batches) => {
  const { dim } = problem,
    rule = RULES[optimizer.name],
    s = fresh(optimizer.name, dim);
  const theta = Float64Array.from(start),
    g = new Float64Array(dim);
  const path = new Float64Array((steps + 1) * dim),
    losses = new Float64Array(steps + 1);
  path.set(theta);
  let ceiling = Infinity,
    beyond = 0,
    t = 0;
  for (; ; t++) {
    const along = problem.gradient(theta, g, batches?.[t]);
    losses[t] = batches || along === undefined ? problem.value(theta) : along;
    if (t && !batches && passed(theta, g, path, t)) beyond++;
    if (t === 0) ceiling = (problem.minimum ?? 0) + GONE * Math.max(losses[0] - (problem.minimum ?? 0), 1e-9);
    if (!(losses[t] <= ceiling) || t === steps) break;
    rule.step(theta, g, s, t + 1, optimizer);
    path.set(theta, (t + 1) * dim);
  }
  return {
    path: path.subarray(0, (t + 1) * dim),
    losses: losses.subarray(0, t + 1),
    updates: t,
    beyond: t ? beyond / t : 0,
    burst: !(losses[t] <= ceiling),
  };
};

// Runs at rates over a range, a few at a time, so that the page stays alive: `work` does some, `done` of them
// are in `ends`. The coarse ones come first.
export const sweepOf = (problem, optimizer, start, steps, batches, rates) => {
  const order = [];
  for (let stride = 16; stride >= 1; stride /= 2) {
    for (let i = 0; i < rates.length; i += stride) if (!order.includes(i)) order.push(i);
  }
  const sweep = { rates, runs: new Array(rates.length).fill(null), done: 0, lowest: Infinity };
  sweep.work = (milliseconds) => {
    const until = performance.now() + milliseconds;
    while (sweep.done < order.length && performance.now() < until) {
      const i = order[sweep.done++];
      const run = train(problem, { ...optimizer, lr: rates[i] }, start, steps, batches);
      sweep.runs[i] = { losses: run.losses, burst: run.burst, updates: run.updates, beyond: run.beyond };
      for (const loss of run.losses) if (loss < sweep.lowest) sweep.lowest = loss;
    }
    return sweep.done < order.length;
  };
  return sweep;
};

// What each rate of a sweep is called, and the best rate among them; worked out again only when more is known.
export const verdicts = (sweep, minimum) => {
  if (sweep.verdict?.done === sweep.done && sweep.verdict.minimum === minimum) return sweep.verdict;
  const judged = sweep.runs.map((run) => {
    if (run && run.minimum !== minimum) {
      const { gaps: _, ...rest } = judge(run, minimum);
      Object.assign(run, { minimum, judged: rest });
    }
    return run?.judged;
  });
  let best = -1;
  judged.forEach((j, i) => {
    if (j && !j.diverged && (best < 0 || j.end < judged[best].end * 0.999)) best = i;
  });
  const at = best < 0 ? 0 : sweep.rates[best];
  const words = judged.map((j, i) => j && wordOf(j, sweep.rates[i], at));
  sweep.verdict = { done: sweep.done, minimum, best: best < 0 ? null : at, words };
  return sweep.verdict;
};

// The minimum that limits are taken at: the one nearest to `place`, where there are several.
const nearest = (problem, place) => {
  if (problem.best) return problem.best;
  if (!problem.minima) return null;
  const far = (minimum) => Math.hypot(...minimum.map((value, i) => value - place[i])) || 0;
  return problem.minima.reduce((found, one) => (far(one) < far(found) ? one : found));
};

const curvatures = new WeakMap(); // of each problem, by place: a network's takes many gradients
const curvatureAt = (problem, place) => {
  const known = curvatures.get(problem) ?? new Map();
  curvatures.set(problem, known);
  const key = Array.from(place).join();
  if (!known.has(key)) known.set(key, eigenvalues(problem.hessian(place))[0]);
  return known.get(key);
};

// The predicted limit of a linear method and its curvature, at the minimum where `run` ends or else at its start;
// null where there is none.
export const predicted = (problem, optimizer, run, batchSize) => {
  const recursion = RULES[optimizer.name].recursion?.(optimizer);
  if (!recursion) return null;
  const end = run.path.subarray(run.updates * problem.dim),
    start = run.path.subarray(0, problem.dim);
  const place = nearest(problem, end);
  const curvature = curvatureAt(problem, place ?? start);
  if (!(curvature > 0)) return null;
  const rate = fullLimit(recursion, curvature),
    some = batchSize > 0 && batchSize < problem.samples;
  const limit = {
    rate,
    full: rate,
    curvature,
    basis: problem.quadratic ? "exact" : place ? "minimum" : "start",
  };
  if (problem.rmse) return { ...limit, basis: "root" };
  if (some && problem.meanSquare)
    return { ...limit, rate: problem.meanSquare(batchSize, recursion), basis: "mean square" };
  return limit;
};

const scaleOf = (problem, optimizer) => {
  const recursion = RULES[optimizer.name].recursion?.(optimizer);
  const curvature = curvatureAt(problem, problem.best ?? problem.minima?.[0] ?? problem.start);
  return recursion ? 2 / Math.max(curvature, 1e-9) : null;
};

// A rate to begin with: 0.8 of the limit of gradient descent, or a twentieth of the map for methods whose step
// is about the rate.
export const firstRate = (problem, optimizer) => {
  const scale = scaleOf(problem, optimizer);
  return Number((scale ? 0.8 * scale : (problem.view?.half ?? 1) / 20).toPrecision(2));
};

// Rates worth looking at, as powers of ten: around the limit for linear methods, and up to ten maps for others.
export const rangeOf = (problem, optimizers) => {
  const ends = optimizers.flatMap((o) => {
    const scale = scaleOf(problem, o),
      reach = problem.view?.half ?? 1;
    return [...(scale ? [scale / 200, scale * 8] : [reach / 1000, reach * 10]), o.lr || Infinity].filter(
      Number.isFinite,
    );
  });
  const half = (value, round) => round(2 * Math.log10(value)) / 2;
  return { low: half(Math.min(...ends), Math.floor), high: half(Math.max(...ends), Math.ceil) };
};
