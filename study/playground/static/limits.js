// Curvature, and the learning rates above which full and random batches diverge: core.limits in few parameters.

// Eigenvalues of a symmetric matrix (n rows of n), descending, by Jacobi's rotations.
export const eigenvalues = (matrix) => {
  const a = matrix.map((row) => [...row]);
  const n = a.length;
  for (let sweep = 0; sweep < 30; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        off += a[p][q] ** 2;
        if (a[p][q] === 0) continue;
        const tau = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        const t = (tau < 0 ? -1 : 1) / (Math.abs(tau) + Math.hypot(1, tau));
        const c = 1 / Math.hypot(1, t),
          s = t * c;
        for (let k = 0; k < n; k++)
          [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
        for (let k = 0; k < n; k++)
          [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
      }
    }
    if (off < 1e-26) break;
  }
  return a.map((row, i) => row[i]).sort((x, y) => y - x);
};

// The rate above which full batches diverge at this largest curvature (core's `limit_of_the_mean`).
export const fullLimit = ({ kick, carry, momentum, feed }, curvature) =>
  curvature > 0 ? (2 * (1 + momentum)) / ((kick * (1 + momentum) - carry * feed) * curvature) : Infinity;

// The mean update of (theta, v) at one Hessian H, as a matrix.
const updateOf = (H, { kick, carry, momentum, feed }, rate) => {
  const n = H.length;
  const A = [];
  for (let i = 0; i < 2 * n; i++) {
    A.push(
      Array.from({ length: 2 * n }, (_, j) => {
        if (i < n && j < n) return (i === j) - rate * kick * H[i][j];
        if (i < n) return -rate * carry * (i === j - n);
        return j < n ? feed * H[i - n][j] : momentum * (i === j);
      }),
    );
  }
  return A;
};

// Growth of the second moment of (theta, v) an update: S -> (1 - p) A S A^T + p mean_i(A_i S A_i^T), written as
// a matrix over the entries of S, whose largest eigenvalue is found by squaring it.
const growth = (Hs, H, p, recursion, rate) => {
  const full = recursion.carry ? H.length * 2 : H.length;
  const cut = (A) => A.slice(0, full).map((row) => row.slice(0, full));
  const N = full * full;
  const M = Array.from({ length: N }, () => new Float64Array(N));
  const add = (A, share) => {
    for (let i = 0; i < full; i++)
      for (let j = 0; j < full; j++)
        for (let k = 0; k < full; k++)
          for (let l = 0; l < full; l++) M[i * full + j][k * full + l] += share * A[i][k] * A[j][l];
  };
  add(cut(updateOf(H, recursion, rate)), 1 - p);
  for (const one of Hs) add(cut(updateOf(one, recursion, rate)), p / Hs.length);
  return radius(M);
};

// Spectral radius by repeated squaring: || M^(2^k) ||^(1 / 2^k).
const radius = (M) => {
  const N = M.length;
  let power = M,
    log = 0;
  for (let k = 1; k <= 30; k++) {
    const size = Math.max(...power.map((row) => row.reduce((most, x) => Math.max(most, Math.abs(x)), 0)));
    if (!(size > 0)) return size;
    log += Math.log(size) / 2 ** (k - 1);
    const unit = power.map((row) => row.map((x) => x / size));
    power = Array.from({ length: N }, (_, i) => {
      const row = new Float64Array(N);
      for (let m = 0; m < N; m++)
        if (unit[i][m] !== 0) for (let j = 0; j < N; j++) row[j] += unit[i][m] * unit[m][j];
      return row;
    });
  }
  return Math.exp(log);
};

// The rate above which the mean square of the distance grows, with batches of `size` of the n samples drawn anew
// at each update without replacement (Mulayoff & Michaeli 2024). Hs: the Hessian of each sample's loss.
export const meanSquareLimit = (Hs, size, recursion) => {
  const n = Hs.length;
  const H = Hs[0].map((row, i) => row.map((_, j) => Hs.reduce((sum, one) => sum + one[i][j] / n, 0)));
  const full = fullLimit(recursion, eigenvalues(H)[0]);
  const p = size >= n ? 0 : (n - size) / (size * (n - 1));
  if (p === 0) return full;
  let low = 0,
    high = full;
  while (high - low > 1e-7 * high) {
    const middle = (low + high) / 2;
    if (growth(Hs, H, p, recursion, middle) < 1) low = middle;
    else high = middle;
  }
  return low;
};
