// A network with two inputs, one hidden layer (or none: logistic regression) and one sigmoid output, on points
// of two classes. Parameters lie as core.Network has them: layer after layer, (fan_out, fan_in + 1), bias last.
import { normals, uniforms } from "./numbers.js";

const sigmoid = (z) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));

export const ACTIVATIONS = {
  tanh: { f: Math.tanh, slope: (a) => 1 - a * a },
  sigmoid: { f: sigmoid, slope: (a) => a * (1 - a) },
  relu: { f: (z) => Math.max(z, 0), slope: (a) => (a > 0 ? 1 : 0) },
};

// Two interleaved half circles, with noise: points [x, y, class].
export const moons = ({ samples, noise, seed }) => {
  const uniform = uniforms(seed + 7),
    normal = normals(uniform);
  return Array.from({ length: samples }, (_, i) => {
    const upper = i % 2 === 0,
      turn = Math.PI * uniform();
    const [x, y] = upper ? [Math.cos(turn), Math.sin(turn)] : [1 - Math.cos(turn), 0.5 - Math.sin(turn)];
    return [x + noise * normal() - 0.5, y + noise * normal() - 0.25, upper ? 0 : 1];
  });
};

// loss: "cross_entropy" or "mse", the mean of (A - y)^2.
export const networkProblem = (points, { hidden, activation, loss, seed }) => {
  const { f, slope } = ACTIVATIONS[activation],
    n = points.length,
    wide = Math.max(hidden, 2);
  const dim = hidden ? 4 * hidden + 1 : 3,
    out0 = 3 * hidden;
  const h = new Float64Array(wide + 1);
  const logit = (theta, x, y) => {
    if (!hidden) return theta[0] * x + theta[1] * y + theta[2];
    let z = theta[out0 + hidden];
    for (let k = 0; k < hidden; k++) {
      h[k] = f(theta[3 * k] * x + theta[3 * k + 1] * y + theta[3 * k + 2]);
      z += theta[out0 + k] * h[k];
    }
    return z;
  };
  const cross = loss === "cross_entropy";
  const lossOf = (z, y) =>
    cross ? Math.max(z, 0) - y * z + Math.log1p(Math.exp(-Math.abs(z))) : (sigmoid(z) - y) ** 2;
  const value = (theta) => points.reduce((sum, [x, y, c]) => sum + lossOf(logit(theta, x, y), c), 0) / n;
  const gradient = (theta, out, rows) => {
    const count = rows ? rows.length : n;
    let total = 0;
    out.fill(0);
    for (let k = 0; k < count; k++) {
      const [x, y, c] = points[rows ? rows[k] : k];
      const z = logit(theta, x, y),
        a = sigmoid(z);
      total += lossOf(z, c);
      const delta = (cross ? a - c : 2 * (a - c) * a * (1 - a)) / count;
      if (!hidden) {
        out[0] += delta * x;
        out[1] += delta * y;
        out[2] += delta;
        continue;
      }
      for (let j = 0; j < hidden; j++) {
        const back = delta * theta[out0 + j] * slope(h[j]);
        out[3 * j] += back * x;
        out[3 * j + 1] += back * y;
        out[3 * j + 2] += back;
        out[out0 + j] += delta * h[j];
      }
      out[out0 + hidden] += delta;
    }
    return total / count;
  };
  // The Hessian by central differences of the gradient.
  const hessian = (theta) => {
    const step = 1e-4,
      at = Float64Array.from(theta),
      up = new Float64Array(dim),
      down = new Float64Array(dim);
    const rows = Array.from({ length: dim }, (_, i) => {
      at[i] = theta[i] + step;
      gradient(at, up);
      at[i] = theta[i] - step;
      gradient(at, down);
      at[i] = theta[i];
      return Array.from(up, (u, j) => (u - down[j]) / (2 * step));
    });
    return rows.map((row, i) => row.map((entry, j) => (entry + rows[j][i]) / 2));
  };
  return {
    dim,
    value,
    gradient,
    hessian,
    points,
    samples: n,
    start: glorot(hidden, seed),
    minimum: null,
    quadratic: false,
    plane: true,
    names: [],
    probability: (theta, x, y) => sigmoid(logit(theta, x, y)),
  };
};

const glorot = (hidden, seed) => {
  const normal = normals(uniforms(seed + 31));
  if (!hidden) return [0, 0, 0];
  const first = Math.sqrt(2 / (2 + hidden)),
    last = Math.sqrt(2 / (hidden + 1));
  const theta = [];
  for (let k = 0; k < hidden; k++) theta.push(first * normal(), first * normal(), 0);
  for (let k = 0; k < hidden; k++) theta.push(last * normal());
  return [...theta, 0];
};
