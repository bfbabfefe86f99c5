// What became of a run, and what that makes of its rate: phases/outcomes.py and analysis/rate_words.py once more.
// A browser test holds both to each other.
import { median } from "./numbers.js";

export const TOLERANCE = 0.1; // the share of the start's loss below which a run has converged, as in the study
export const GONE = 1e6; // times the start's loss above the minimum: such a run has diverged, and is stopped
const THROWN = 1.01; // times the start's loss: what rises above was thrown out
const FALLING = -0.5; // Kendall's tau of the last quarter's losses with time, at or below which they still fall
const STEADY = 0.8; // at or above which they rise
const SHOWN = 1e-9; // what is less of the start's loss counts as this much

const least = (values) => values.reduce((low, value) => Math.min(low, value), Infinity);

// Theil and Sen's slope of ln q over a step, and Kendall's tau with time, over the last quarter. The slope, which
// takes long, is only worked out for losses that rise.
const trend = (gaps) => {
  const tail = gaps.slice(-Math.max(4, Math.floor(gaps.length / 4))).map(Math.log);
  const slopes = [];
  let signs = 0;
  for (let i = 0; i < tail.length; i++) {
    for (let j = i + 1; j < tail.length; j++) {
      signs += Math.sign(tail[j] - tail[i]);
      slopes.push((tail[j] - tail[i]) / (j - i));
    }
  }
  const tau = signs / slopes.length;
  return { tau, rise: tau >= STEADY ? tail.length * median(slopes) : 0 };
};

// Of the start's loss above `minimum`: what is left at each step, at the end (the median of the last tenth, and
// the worst of it) and at most; since when it has stayed low; and whether the run diverged, converged, still falls,
// and overshoots: most of its steps end beyond the lowest point on their way, or it rose above its start.
export const judge = (run, minimum) => {
  const first = Math.max(run.losses[0] - minimum, 1e-12);
  const gaps = Array.from(run.losses, (loss) => Math.max((loss - minimum) / first, SHOWN));
  const last = gaps.slice(-Math.max(3, Math.ceil(gaps.length / 10)));
  const end = run.burst ? Infinity : median(last),
    worst = Math.max(...last);
  const most = gaps.reduce((top, gap) => Math.max(top, Number.isFinite(gap) ? gap : Infinity), 0);
  const gone = run.burst || !Number.isFinite(end) || (end >= 1 && most > THROWN);
  const converged = !gone && worst <= TOLERANCE;
  const { tau, rise } = gone || converged ? { tau: 0, rise: 0 } : trend(gaps);
  const grows = end > TOLERANCE && end > 2 * least(gaps) && rise > Math.log(2);
  let settled = gaps.length;
  while (settled > 0 && gaps[settled - 1] <= TOLERANCE) settled--;
  return {
    gaps,
    end,
    worst,
    most,
    settled,
    converged,
    diverged: gone || grows,
    falling: tau <= FALLING,
    overshoots: run.beyond > 0.5 || most > THROWN,
  };
};

// What a rate is called after its run: "too small", "right", "overshooting", "too large" or "diverging". `best` is
// the best rate of the sweep, which divides the runs that neither diverged nor converged.
export const wordOf = ({ diverged, converged, falling, overshoots }, rate, best) => {
  if (diverged) return "diverging";
  if (converged) return overshoots ? "overshooting" : "right";
  if (rate <= best) return "too small";
  return overshoots && falling ? "overshooting" : "too large";
};
