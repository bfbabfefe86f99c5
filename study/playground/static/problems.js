// The problems. Each is an object:
//   dim, names       parameters and what they are called
//   value(theta)     the loss; gradient(theta, out, rows): of all samples, or of the mean over these rows;
//                    it may give the loss of these as well, where that costs nothing
//   hessian(theta)   rows of numbers
//   minimum          the lowest loss, where it is known; best: the parameters of the one minimum of a
//                    quadratic, minima: those of another function
//   start, view      where runs begin; the middle and half the width of the map, for one or two parameters
//   samples          how many there are to make batches of, 0 for a plain function
//   quadratic        whether theory's limits are exact
import { meanSquareLimit } from "./limits.js";
import { normals, uniforms } from "./numbers.js";

const finishQuadratic = (problem, start, margin = 1.35) => {
  const far = Math.max(...start.map((value, i) => Math.abs(value - problem.best[i])), 1e-3);
  return {
    ...problem,
    start,
    view: { center: [...problem.best], half: margin * far },
    quadratic: true,
  };
};

const quadratic = (H, best, start, names) => {
  const n = best.length;
  return finishQuadratic(
    {
      dim: n,
      names,
      best,
      minimum: 0,
      samples: 0,
      value(theta) {
        let sum = 0;
        for (let i = 0; i < n; i++)
          for (let j = 0; j < n; j++) sum += (theta[i] - best[i]) * H[i][j] * (theta[j] - best[j]);
        return sum / 2;
      },
      gradient(theta, out) {
        for (let i = 0; i < n; i++) {
          out[i] = 0;
          for (let j = 0; j < n; j++) out[i] += H[i][j] * (theta[j] - best[j]);
        }
      },
      hessian: () => H,
    },
    start,
  );
};

// One parameter: L = curvature theta^2 / 2.
const parabola = ({ curvature }) => ({ ...quadratic([[curvature]], [0], [-2], ["θ"]), unit: "θ" });

// Two parameters whose curvatures are 1 and 1 / condition, along axes turned by `angle` degrees.
const valley = ({ condition, angle }) => {
  const turn = (angle * Math.PI) / 180,
    c = Math.cos(turn),
    s = Math.sin(turn),
    low = 1 / condition;
  const H = [
    [c * c * low + s * s, c * s * (low - 1)],
    [c * s * (low - 1), s * s * low + c * c],
  ];
  const start = [-1.7 * c - 0.75 * s, -1.7 * s + 0.75 * c];
  return quadratic(H, [0, 0], start, ["θ₁", "θ₂"]);
};

const himmelblau = () => ({
  dim: 2,
  names: ["θ₁", "θ₂"],
  samples: 0,
  minimum: 0,
  start: [-0.4, -1.1],
  minima: [
    [3, 2],
    [-2.805118086952745, 3.131312518250573],
    [-3.779310253377747, -3.28318599128617],
    [3.584428340330492, -1.848126526964404],
  ],
  view: { center: [0, 0], half: 5.4 },
  value: ([x, y]) => (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2,
  gradient([x, y], out) {
    const a = x * x + y - 11,
      b = x + y * y - 7;
    out[0] = 4 * a * x + 2 * b;
    out[1] = 2 * a + 4 * b * y;
  },
  hessian: ([x, y]) => [
    [12 * x * x + 4 * y - 42, 4 * (x + y)],
    [4 * (x + y), 4 * x + 12 * y * y - 26],
  ],
});

const rosenbrock = () => ({
  dim: 2,
  names: ["θ₁", "θ₂"],
  samples: 0,
  minimum: 0,
  minima: [[1, 1]],
  start: [-1.3, 1.6],
  view: { center: [0, 0.7], half: 2 },
  value: ([x, y]) => (1 - x) ** 2 + 10 * (y - x * x) ** 2,
  gradient([x, y], out) {
    out[0] = -2 * (1 - x) - 40 * x * (y - x * x);
    out[1] = 20 * (y - x * x);
  },
  hessian: ([x, y]) => [
    [2 - 40 * (y - 3 * x * x), -40 * x],
    [-40 * x, 20],
  ],
});

// The points of the line: x around `offset` with deviation `spread`, y = slope x + intercept + noise. `moved`
// holds the points that a reader has dragged, by number.
export const linePoints = ({ slope, intercept, offset, spread, noise, points, seed, moved }) => {
  const uniform = uniforms(seed + 1),
    normal = normals(uniform);
  return Array.from({ length: points }, (_, i) => {
    const x = offset + spread * Math.sqrt(3) * (2 * uniform() - 1);
    const drawn = [x, slope * x + intercept + noise * normal()];
    return moved[i] ?? drawn;
  });
};

const scaler = (values, standardised) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation =
    Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) || 1;
  return standardised ? { mean, deviation } : { mean: 0, deviation: 1 };
};

// Least squares for slope and intercept, or for the slope alone; the loss is 1/2 the mean square, the mean
// square or its root. In the raw units of the data, or with both standardised.
const line = (settings) => {
  const points = linePoints(settings),
    n = points.length,
    dim = settings.fitted ? 2 : 1;
  const inX = scaler(
    points.map((p) => p[0]),
    settings.standardised,
  );
  const inY = scaler(
    points.map((p) => p[1]),
    settings.standardised,
  );
  const x = points.map((p) => (p[0] - inX.mean) / inX.deviation);
  const y = points.map((p) => (p[1] - inY.mean) / inY.deviation);
  const mean = (f) => x.reduce((sum, _, i) => sum + f(i), 0) / n;
  const xx = mean((i) => x[i] * x[i]),
    x1 = mean((i) => x[i]),
    xy = mean((i) => x[i] * y[i]),
    y1 = mean((i) => y[i]);
  const unit =
    dim === 2
      ? [
          [xx, x1],
          [x1, 1],
        ]
      : [[xx]];
  const det = xx - x1 * x1;
  const best =
    dim === 1 ? [xy / xx] : det > 1e-12 ? [(xy - x1 * y1) / det, (xx * y1 - x1 * xy) / det] : [0, y1];
  const halfMean = (theta) => mean((i) => (theta[0] * x[i] + (dim === 2 ? theta[1] : 0) - y[i]) ** 2) / 2;
  const factor = settings.loss === "mse" ? 2 : 1,
    root = settings.loss === "rmse";
  const value = root ? (theta) => Math.sqrt(2 * halfMean(theta)) : (theta) => factor * halfMean(theta);
  const rest = Math.sqrt(2 * halfMean(best));
  const share = root ? 1 / Math.max(rest, 1e-9) : factor;
  const gradient = (theta, out, rows) => {
    const count = rows ? rows.length : n;
    let a = 0,
      b = 0,
      squares = 0;
    for (let k = 0; k < count; k++) {
      const i = rows ? rows[k] : k;
      const e = theta[0] * x[i] + (dim === 2 ? theta[1] : 0) - y[i];
      a += e * x[i];
      b += e;
      squares += e * e;
    }
    const scale = root ? (squares > 0 ? 1 / Math.sqrt(squares * count) : 0) : factor / count;
    out[0] = a * scale;
    if (dim === 2) out[1] = b * scale;
  };
  const problem = finishQuadratic(
    {
      dim,
      value,
      gradient,
      best,
      minimum: value(best),
      samples: n,
      points,
      x,
      y,
      rmse: root ? rest : 0,
      names: dim === 2 ? ["slope", "intercept"] : ["slope"],
      hessian: () => unit.map((row) => row.map((entry) => entry * share)),
      meanSquare: root
        ? null
        : (size, recursion) =>
            meanSquareLimit(
              x.map((v) =>
                dim === 2
                  ? [
                      [factor * v * v, factor * v],
                      [factor * v, factor],
                    ]
                  : [[factor * v * v]],
              ),
              size,
              recursion,
            ),
      // The fitted line in the data's own units: [slope, intercept].
      inUnits(theta) {
        const slope = (theta[0] * inY.deviation) / inX.deviation;
        const intercept = inY.mean + inY.deviation * (dim === 2 ? theta[1] : 0) - slope * inX.mean;
        return [slope, intercept];
      },
      center: { x: inX.mean, y: inY.mean },
    },
    dim === 2 ? [0, 0] : [0],
  );
  return { ...problem, quadratic: !root };
};

export const FUNCTIONS = { parabola, line, valley, himmelblau, rosenbrock };
