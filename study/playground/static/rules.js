// The update rules of core/optimizers, once more: a browser test holds each of them to core's own path.
// step(theta, g, s, t, h) changes theta in place at update t = 1, 2, ...; g is the gradient (n), s the state
// from `fresh`, h the hyperparameters by core's names. recursion(h): the method as a linear recursion
// (core.optimizers.base.Recursion), which is what its limits follow from; none where it divides by a history.

const weight = (beta, t) => (1 - beta ** t) / (1 - beta); // 1 + beta + ... + beta^(t-1)

const adamStep = (theta, g, s, t, h, second) => {
  const root = Math.sqrt(weight(h.beta2, t));
  const rate = h.lr * (root / weight(h.beta1, t));
  for (let i = 0; i < theta.length; i++) {
    s.m[i] = h.beta1 * s.m[i] + g[i];
    s.v[i] = h.beta2 * s.v[i] + g[i] * g[i];
    theta[i] -= (s.m[i] / (Math.sqrt(second(i)) + h.eps * root)) * rate;
  }
};

export const RULES = {
  sgd: {
    state: [],
    recursion: () => ({ kick: 1, carry: 0, momentum: 0, feed: 0 }),
    step(theta, g, _s, _t, h) {
      for (let i = 0; i < theta.length; i++) theta[i] -= h.lr * g[i];
    },
  },
  momentum: {
    state: ["v"],
    recursion: (h) => ({ kick: 1, carry: h.momentum, momentum: h.momentum, feed: 1 }),
    step(theta, g, s, _t, h) {
      for (let i = 0; i < theta.length; i++) {
        s.v[i] = h.momentum * s.v[i] + g[i];
        theta[i] -= h.lr * s.v[i];
      }
    },
  },
  nesterov: {
    state: ["v"],
    recursion: (h) => ({ kick: 1 + h.momentum, carry: h.momentum ** 2, momentum: h.momentum, feed: 1 }),
    step(theta, g, s, _t, h) {
      for (let i = 0; i < theta.length; i++) {
        s.v[i] = h.momentum * s.v[i] + g[i];
        theta[i] -= h.lr * (g[i] + h.momentum * s.v[i]);
      }
    },
  },
  adagrad: {
    state: ["v"],
    step(theta, g, s, _t, h) {
      for (let i = 0; i < theta.length; i++) {
        s.v[i] += g[i] * g[i];
        theta[i] -= h.lr * (g[i] / (Math.sqrt(s.v[i]) + h.eps));
      }
    },
  },
  rmsprop: {
    state: ["v"],
    step(theta, g, s, _t, h) {
      for (let i = 0; i < theta.length; i++) {
        s.v[i] = h.alpha * s.v[i] + (1 - h.alpha) * g[i] * g[i];
        theta[i] -= h.lr * (g[i] / (Math.sqrt(s.v[i]) + h.eps));
      }
    },
  },
  adam: {
    state: ["m", "v"],
    step: (theta, g, s, t, h) => adamStep(theta, g, s, t, h, (i) => s.v[i]),
  },
  adamw: {
    state: ["m", "v"],
    step(theta, g, s, t, h) {
      for (let i = 0; i < theta.length; i++) theta[i] -= h.lr * h.weight_decay * theta[i];
      adamStep(theta, g, s, t, h, (i) => s.v[i]);
    },
  },
  amsgrad: {
    state: ["m", "v", "largest"],
    step(theta, g, s, t, h) {
      adamStep(theta, g, s, t, h, (i) => {
        s.largest[i] = Math.max(s.largest[i], s.v[i]);
        return s.largest[i];
      });
    },
  },
  signsgd: {
    state: [],
    step(theta, g, _s, _t, h) {
      for (let i = 0; i < theta.length; i++) theta[i] -= h.lr * Math.sign(g[i]);
    },
  },
  lion: {
    state: ["m"],
    step(theta, g, s, _t, h) {
      for (let i = 0; i < theta.length; i++) {
        theta[i] -= h.lr * Math.sign(h.beta1 * s.m[i] + (1 - h.beta1) * g[i]);
        s.m[i] = h.beta2 * s.m[i] + (1 - h.beta2) * g[i];
      }
    },
  },
};

// The state of a rule before its first update, for n parameters.
export const fresh = (name, n) =>
  Object.fromEntries(RULES[name].state.map((key) => [key, new Float64Array(n)]));
