// Numbers as people read them, as study/numbers.py writes them, and random ones that a seed repeats.

const raised = (n) => String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

export const power = (n) => (n >= -2 && n <= 3 ? String(Number((10 ** n).toPrecision(1))) : `10${raised(n)}`);

export const number = (value, digits = 2) => {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size === 0 || (size >= 0.001 && size < 1e4)) {
    const whole = size >= 10 ** (digits - 1);
    return (whole ? value.toFixed(0) : String(Number(value.toPrecision(digits)))).replace("-", "−");
  }
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  const tens = `10${raised(Number(exponent))}`;
  const plain = mantissa.replace(/\.?0+$/, "").replace("-", "−");
  return plain === "1" ? tens : `${plain}·${tens}`;
};

export const percent = (share) => {
  const exact = 100 * share;
  if (exact < 0.01) return "less than 0.01 %";
  return `${exact < 10 ? number(exact, 2) : exact.toFixed(0)} %`;
};

// Uniform numbers in [0, 1) from a seed: mulberry32.
export const uniforms = (seed) => {
  let a = (seed * 2654435761) >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
};

// Standard normal numbers from uniform ones: Box and Muller.
export const normals = (uniform) => () =>
  Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
