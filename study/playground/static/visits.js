// What each problem was left with, for when the reader comes back to it: its steps, start and points, and the rate
// of each method there. A problem never seen has its own steps, and rates that are worked out.
import { STEPS } from "./state.js";

const SIDES = ["a", "b"];

export const createVisits = (base) => {
  const problems = new Map(),
    rates = new Map();
  const method = (settings, side) => `${settings.problem} ${side} ${settings[side]}`;

  const leave = (settings) => {
    const { problem, steps, start, moved } = settings;
    problems.set(problem, { steps, start, moved });
    for (const side of SIDES) rates.set(method(settings, side), settings[`${side}.lr`]);
  };
  leave(base);

  return {
    // The settings after another problem or method is chosen.
    go(settings, chosen) {
      leave(settings);
      const next = { ...settings, ...chosen };
      Object.assign(next, problems.get(next.problem) ?? { steps: STEPS[next.problem], start: "", moved: "" });
      for (const side of SIDES) {
        const rate = rates.get(method(next, side));
        if (rate === undefined) delete next[`${side}.lr`];
        else next[`${side}.lr`] = rate;
      }
      return next;
    },
  };
};
