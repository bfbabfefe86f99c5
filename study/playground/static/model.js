// From settings to a problem, runs and sweeps, each made again only when what it depends on has changed.
import { moons, networkProblem } from "./network.js";
import { FUNCTIONS } from "./problems.js";
import { drawBatches, firstRate, predicted, rangeOf, sweepOf, train, verdicts } from "./runs.js";
import { DEFAULTS, hyperOf, lists } from "./state.js";
import { judge, wordOf } from "./verdict.js";

const ANYWHERE = ["steps", "batch", "speed", "start", "a", "b"]; // settings that leave the problem as it is

const build = (settings) => {
  if (settings.problem === "network") {
    const drawn = { samples: settings.samples, noise: settings.blur, seed: 0 };
    const own = lists(settings.own);
    const points = settings.data === "own" ? (own.length ? own : [[0, 0, 0]]) : moons(drawn);
    return networkProblem(points, {
      hidden: settings.hidden,
      activation: settings.activation,
      loss: settings.objective,
      seed: settings.seed,
    });
  }
  const moved = Object.fromEntries(lists(settings.moved).map(([i, x, y]) => [i, [x, y]]));
  return FUNCTIONS[settings.problem]({ ...settings, moved });
};

export const createModel = () => {
  const model = { problem: null, sides: [], range: null };
  let problemKey = "",
    batchKey = "",
    batches = null,
    kept = {};

  model.update = (settings, hold = false) => {
    const key = JSON.stringify(
      Object.keys(DEFAULTS)
        .filter((k) => !ANYWHERE.includes(k))
        .map((k) => settings[k]),
    );
    if (key !== problemKey) model.problem = build(settings);
    problemKey = key;
    const { problem } = model,
      { steps } = settings;
    const given = lists(settings.start)[0];
    model.start = given?.length === problem.dim ? given : problem.start;
    const drawn = [problem.samples, settings.batch, steps, settings.seed];
    if (String(drawn) !== batchKey) batches = drawBatches(...drawn);
    batchKey = String(drawn);
    const optimizers = (settings.b ? ["a", "b"] : ["a"]).map((side) => {
      const h = hyperOf(settings, side);
      return settings[`${side}.lr`] === undefined ? { ...h, lr: firstRate(problem, h) } : h;
    });
    if (!hold || !model.range) model.range = rangeOf(problem, optimizers);
    model.sides = optimizers.map((optimizer, i) => {
      const run = train(problem, optimizer, model.start, steps, batches);
      const depends = JSON.stringify([
        { ...optimizer, lr: 0 },
        problemKey,
        model.start,
        batchKey,
        steps,
        model.range,
      ]);
      if (kept[i]?.depends !== depends) {
        const sweep = sweepOf(
          problem,
          optimizer,
          model.start,
          steps,
          batches,
          ratesOf(model.range, problem.plane ? 65 : 161),
        );
        kept[i] = { depends, sweep };
      }
      // What the limit depends on is what its sweep does, but where the run's end chooses among minima.
      if (problem.minima || kept[i].limit === undefined) {
        kept[i].limit = predicted(problem, optimizer, run, settings.batch);
      }
      return { optimizer, run, sweep: kept[i].sweep, limit: kept[i].limit };
    });
    if (model.sides.some(({ sweep }) => sweep.done === 0)) model.work(4); // for a first idea of which rate is best
    return model;
  };

  // Some of the sweeps' work; whether there is more.
  model.work = (milliseconds) => {
    const more = model.sides.map(({ sweep }) => sweep.work(milliseconds / model.sides.length));
    return more.some(Boolean);
  };

  // What the runs came to, as far as the sweeps know.
  model.judge = () => {
    const { problem } = model;
    const lowest = model.sides.map(({ sweep, run }) =>
      Math.min(sweep.lowest, ...run.losses.filter(Number.isFinite)),
    );
    const minimum = problem.minimum ?? Math.min(...lowest);
    return model.sides.map((side) => {
      const judged = judge(side.run, minimum);
      const verdict = verdicts(side.sweep, minimum);
      return { ...side, judged, verdict, word: wordOf(judged, side.optimizer.lr, verdict.best ?? 0) };
    });
  };
  return model;
};

const ratesOf = ({ low, high }, count) =>
  Array.from({ length: count }, (_, i) => 10 ** (low + ((high - low) * i) / (count - 1)));
