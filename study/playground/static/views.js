// The pictures of the playground. Each draws on a canvas what a `scene` says:
//   problem, settings, colors, shown (the update up to which runs are drawn)
//   runs: [{ run, judged, color, label, word }], one or two of them
// and returns the scales of its axes, for what is dragged on it.
import {
  axes,
  begin,
  contour,
  cross,
  dot,
  linear,
  mix,
  plainMarks,
  powerMarks,
  raster,
  text,
} from "./canvas.js";
import { clamp, number, power } from "./numbers.js";
import { TOLERANCE } from "./verdict.js";

const DEPTH = 5; // decades of the loss that a map tells apart
const GRID = 90; // squares along the side of a map that contours are looked for in
const LINES = 13;

const at = (run, dim, t) => run.path.subarray(t * dim, (t + 1) * dim);

let kept = {}; // the last map's background
const background = (scene, box, _dark) => {
  const { problem, colors } = scene,
    { center, half } = problem.view;
  const key = [box.width, colors.paper];
  if (kept.problem === problem && kept.key?.every((k, i) => k === key[i])) return kept;
  const grid = Array.from({ length: GRID + 1 }, (_, j) =>
    Array.from({ length: GRID + 1 }, (_, i) =>
      problem.value([center[0] + half * ((2 * i) / GRID - 1), center[1] + half * (1 - (2 * j) / GRID)]),
    ),
  );
  const highest = Math.max(...grid.map((row) => Math.max(...row))) - problem.minimum;
  const height = (loss) =>
    clamp(1 + Math.log10(Math.max(loss - problem.minimum, 1e-30) / highest) / DEPTH, 0, 1);
  const levels = grid.map((row) => row.map(height));
  const image = raster(GRID * 2, GRID * 2, (i, j) => {
    const loss = problem.value([
      center[0] + half * ((i + 0.5) / GRID - 1),
      center[1] + half * (1 - (j + 0.5) / GRID),
    ]);
    return mix(colors.deep, colors.paper, height(loss));
  });
  kept = { problem, key, image, levels };
  return kept;
};

// Two parameters: contours, the optimum, and the paths.
export const drawMap = (canvas, scene) => {
  const { problem, colors } = scene,
    { center, half } = problem.view;
  const paper = begin(canvas, colors),
    { ctx } = paper;
  const side = Math.min(paper.width - 70, paper.height - 52);
  const box = { left: 60, top: 8, right: 60 + side, bottom: 8 + side, width: side };
  const x = linear(center[0] - half, center[0] + half, box.left, box.right);
  const y = linear(center[1] - half, center[1] + half, box.bottom, box.top);
  const { image, levels } = background(scene, box);
  ctx.drawImage(image, box.left, box.top, side, side);
  ctx.strokeStyle = colors.contour;
  ctx.lineWidth = 0.8;
  ctx.beginPath();
  const unit = side / GRID;
  for (let k = 1; k < LINES; k++)
    contour(
      ctx,
      levels,
      k / LINES,
      (i) => box.left + i * unit,
      (j) => box.top + j * unit,
    );
  ctx.stroke();
  const marks = {
    x: plainMarks(center[0] - half, center[0] + half, 5),
    y: plainMarks(center[1] - half, center[1] + half, 5),
  };
  axes(paper, box, x, y, scene.names, colors, marks);
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, side, side);
  ctx.clip();
  for (const [a, b] of problem.minima ?? [problem.best]) plus(ctx, x(a), y(b), colors.ink);
  for (const one of [...scene.runs].reverse()) drawPath(ctx, scene, one, x, y, box);
  ctx.restore();
  return { x, y, box };
};

const plus = (ctx, x, y, color) => {
  ctx.strokeStyle = color;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(x - 7, y);
  ctx.lineTo(x + 7, y);
  ctx.moveTo(x, y - 7);
  ctx.lineTo(x, y + 7);
  ctx.stroke();
};

const LIMIT = 1e5; // pixels beyond which canvases do not draw well

const drawPath = (ctx, { shown, colors }, { run, color }, x, y, box) => {
  const last = Math.min(shown, run.updates);
  const places = [];
  for (let t = 0; t <= last; t++) {
    const [a, b] = at(run, 2, t);
    if (!Number.isFinite(a) || !Number.isFinite(b)) break;
    places.push([clamp(x(a), -LIMIT, LIMIT), clamp(y(b), -LIMIT, LIMIT)]);
  }
  ctx.beginPath();
  for (const [px, py] of places) ctx.lineTo(px, py);
  ctx.strokeStyle = color;
  ctx.lineWidth = places.length > 150 ? 1.2 : 1.8;
  ctx.stroke();
  if (places.length <= 400) for (const [px, py] of places.slice(0, -1)) dot(ctx, px, py, 2.6, color);
  const [px, py] = places[places.length - 1];
  const inside = px >= box.left && px <= box.right && py >= box.top && py <= box.bottom;
  if (inside) dot(ctx, px, py, 6.5, color, colors.paper, 2);
  else cross(ctx, clamp(px, box.left + 9, box.right - 9), clamp(py, box.top + 9, box.bottom - 9), color);
};

// One parameter: the loss as a curve, and the point that jumps along it.
export const drawCurve = (canvas, scene) => {
  const { problem, colors } = scene,
    { center, half } = problem.view;
  const paper = begin(canvas, colors),
    { ctx } = paper;
  const box = { left: 60, top: 12, right: paper.width - 12, bottom: paper.height - 44 };
  const low = center[0] - half,
    high = center[0] + half;
  const top = Math.max(problem.value([low]), problem.value([high])); // over 0, so that what is left shows
  const x = linear(low, high, box.left, box.right);
  const y = linear(-0.06 * top, 1.02 * top, box.bottom, box.top);
  const marks = { x: plainMarks(low, high, 5), y: plainMarks(0, top, 4) };
  axes(paper, box, x, y, [scene.names[0], "loss"], colors, marks);
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, 0, box.right - box.left + 12, box.bottom);
  ctx.clip();
  ctx.strokeStyle = colors.muted;
  ctx.lineWidth = 2.5;
  ctx.beginPath();
  for (let i = 0; i <= 200; i++) {
    const theta = low + ((high - low) * i) / 200;
    ctx.lineTo(x(theta), y(problem.value([theta])));
  }
  ctx.stroke();
  for (const one of [...scene.runs].reverse()) drawJumps(ctx, scene, one, x, y, box);
  ctx.restore();
  return { x, y, box };
};

const drawJumps = (ctx, { problem, shown, colors }, { run, color }, x, y, box) => {
  const last = Math.min(shown, run.updates);
  const places = [];
  for (let t = 0; t <= last; t++) {
    const theta = run.path[t];
    if (!Number.isFinite(theta)) break;
    places.push([clamp(x(theta), -LIMIT, LIMIT), clamp(y(problem.value([theta])), -LIMIT, LIMIT)]);
  }
  ctx.beginPath();
  for (const [px, py] of places) ctx.lineTo(px, py);
  ctx.strokeStyle = color;
  ctx.lineWidth = 1.4;
  ctx.stroke();
  for (const [px, py] of places.slice(0, -1)) dot(ctx, px, py, 3.4, color);
  const [px, py] = places[places.length - 1];
  if (px >= box.left && px <= box.right && py >= 0) dot(ctx, px, py, 7.5, color, colors.paper, 2);
  else cross(ctx, clamp(px, box.left + 9, box.right - 9), clamp(py, 12, box.bottom - 9), color);
};

// The points and the line through them, now and as least squares has it.
export const drawData = (canvas, scene) => {
  const { problem, colors, shown } = scene,
    { points } = problem;
  const paper = begin(canvas, colors),
    { ctx } = paper;
  const box = { left: 60, top: 24, right: paper.width - 12, bottom: paper.height - 44 };
  const xs = points.map((p) => p[0]),
    ys = points.map((p) => p[1]);
  const pad = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)],
      room = 0.18 * (high - low) || 1;
    return [low - room, high + room];
  };
  const [x0, x1] = scene.frame?.x ?? pad(xs),
    [y0, y1] = scene.frame?.y ?? pad(ys);
  const x = linear(x0, x1, box.left, box.right),
    y = linear(y0, y1, box.bottom, box.top);
  text(ctx, "dashed: least squares", box.right, 9, colors.muted, "right");
  axes(paper, box, x, y, scene.units, colors, { x: plainMarks(x0, x1, 5), y: plainMarks(y0, y1, 4) });
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
  ctx.clip();
  for (const [px, py] of points) dot(ctx, x(px), y(py), 3.6, colors.paper, colors.muted, 1.4);
  const draw = (theta, color, dashes, width) => {
    const [slope, intercept] = problem.inUnits(theta);
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.setLineDash(dashes);
    ctx.beginPath();
    ctx.moveTo(box.left, clamp(y(slope * x0 + intercept), -LIMIT, LIMIT));
    ctx.lineTo(box.right, clamp(y(slope * x1 + intercept), -LIMIT, LIMIT));
    ctx.stroke();
    ctx.setLineDash([]);
  };
  draw(problem.best, colors.ink, [6, 5], 1.6);
  for (const { run, color } of [...scene.runs].reverse())
    draw(at(run, problem.dim, Math.min(shown, run.updates)), color, [], 2.6);
  ctx.restore();
  return { x, y, box, frame: { x: [x0, x1], y: [y0, y1] } };
};

// The plane that a network divides: how sure it is, where it is undecided, and the points.
export const drawPlane = (canvas, scene) => {
  const { problem, colors, shown } = scene;
  const paper = begin(canvas, colors),
    { ctx } = paper;
  const side = Math.min(paper.width - 70, paper.height - 52);
  const box = { left: 60, top: 8, right: 60 + side, bottom: 8 + side };
  const half = 2,
    x = linear(-half, half, box.left, box.right),
    y = linear(-half, half, box.bottom, box.top);
  const cells = 44,
    place = (i) => half * ((2 * i) / cells - 1);
  const values = scene.runs.map(({ run }) => {
    const theta = at(run, problem.dim, Math.min(shown, run.updates));
    return Array.from({ length: cells + 1 }, (_, j) =>
      Array.from({ length: cells + 1 }, (_, i) => problem.probability(theta, place(i), -place(j))),
    );
  });
  const image = raster(cells + 1, cells + 1, (i, j) => {
    const p = Number.isFinite(values[0][j][i]) ? values[0][j][i] : 0.5;
    return mix(colors.paper, p > 0.5 ? colors.two : colors.one, 0.85 * Math.abs(2 * p - 1) ** 0.8);
  });
  ctx.drawImage(image, box.left, box.top, side, side);
  const unit = side / cells;
  [...scene.runs].reverse().forEach(({ color }, k) => {
    ctx.strokeStyle = color;
    ctx.lineWidth = 2.5;
    ctx.beginPath();
    contour(
      ctx,
      values[scene.runs.length - 1 - k],
      0.5,
      (i) => box.left + i * unit,
      (j) => box.top + j * unit,
    );
    ctx.stroke();
  });
  for (const [px, py, c] of problem.points) {
    const fill = c ? colors.twoDark : colors.oneDark;
    if (c) square(ctx, x(px), y(py), 3.4, fill, colors.paper);
    else dot(ctx, x(px), y(py), 3.8, fill, colors.paper, 1);
  }
  axes(paper, box, x, y, ["x₁", "x₂"], colors, {
    x: plainMarks(-half, half, 4),
    y: plainMarks(-half, half, 4),
  });
  return { x, y, box };
};

const square = (ctx, x, y, half, fill, stroke) => {
  ctx.fillStyle = fill;
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 1;
  ctx.fillRect(x - half, y - half, 2 * half, 2 * half);
  ctx.strokeRect(x - half, y - half, 2 * half, 2 * half);
};

// What is left of the start's loss, on the way.
export const drawLoss = (canvas, scene) => {
  const { colors, shown, settings, problem } = scene;
  const paper = begin(canvas, colors),
    { ctx } = paper;
  const box = { left: 60, top: 24, right: paper.width - 12, bottom: paper.height - 44 };
  const [low, high] = problem.plane ? [-3, 1] : [-6, 3];
  const x = linear(0, settings.steps, box.left, box.right),
    y = linear(low, high, box.bottom, box.top);
  const marks = {
    x: plainMarks(0, settings.steps, 5),
    y: powerMarks(low, high, problem.plane ? 1 : 3),
    lines: true,
  };
  text(ctx, "below the dashed line: converged", box.right, 9, colors.muted, "right");
  axes(paper, box, x, y, ["step", "loss left (start = 1)"], colors, marks);
  const height = (gap) =>
    Number.isFinite(gap)
      ? clamp(y(Math.log10(Math.max(gap, 1e-12))), box.top - 30, box.bottom)
      : box.top - 30;
  ctx.save();
  ctx.beginPath();
  ctx.rect(box.left, box.top - 7, box.right - box.left + 8, box.bottom - box.top + 9);
  ctx.clip();
  const line = y(Math.log10(TOLERANCE));
  ctx.setLineDash([4, 4]);
  ctx.strokeStyle = colors.right;
  ctx.lineWidth = 1.4;
  ctx.beginPath();
  ctx.moveTo(box.left, line);
  ctx.lineTo(box.right, line);
  ctx.stroke();
  ctx.setLineDash([]);
  for (const { judged, color, run } of [...scene.runs].reverse()) {
    const last = Math.min(shown, run.updates);
    const stretch = (from, to, alpha) => {
      ctx.globalAlpha = alpha;
      ctx.strokeStyle = color;
      ctx.lineWidth = 2;
      ctx.beginPath();
      for (let t = from; t <= to; t++) ctx.lineTo(x(t), height(judged.gaps[t]));
      ctx.stroke();
      ctx.globalAlpha = 1;
    };
    stretch(last, run.updates, 0.25);
    stretch(0, last, 1);
    const end = height(judged.gaps[last]);
    if (end < box.top) cross(ctx, clamp(x(last), box.left + 8, box.right - 6), box.top, color);
    else dot(ctx, x(last), end, 5, color, colors.paper, 2);
  }
  ctx.restore();
  return { x, y, box };
};

export const KNOB = 13; // half of the knob of a rate's slider, in pixels

// The strip of words above which the knob of the rate moves; range in powers of ten.
export const drawStrip = (canvas, { colors, range, verdict, sweep, limit }) => {
  const paper = begin(canvas, colors),
    { ctx, width } = paper;
  const x = linear(range.low, range.high, KNOB, width - KNOB);
  const band = { top: 44, bottom: 64 };
  const edges = sweep.rates.map((rate) => Math.log10(rate));
  const half = (edges[1] - edges[0]) / 2;
  ctx.fillStyle = colors.grid;
  ctx.fillRect(x(range.low), band.top, x(range.high) - x(range.low), band.bottom - band.top);
  const zones = [];
  let near = null;
  edges.forEach((edge, i) => {
    const word = verdict.words[i] ?? near;
    if (!word) return;
    near = word;
    const from = x(Math.max(edge - half, range.low)),
      to = x(Math.min(edge + half, range.high));
    ctx.fillStyle = colors[word];
    ctx.fillRect(from - 0.3, band.top, to - from + 0.6, band.bottom - band.top);
    const zone = zones[zones.length - 1];
    if (zone && zone.word === word) zone.to = to;
    else zones.push({ word, from, to });
  });
  for (const { word, from, to } of zones) {
    if (ctx.measureText(word).width + 8 < to - from)
      text(ctx, word, (from + to) / 2, 27, colors.ink, "center");
  }
  const every = (range.high - range.low) / (width / 70) > 1 ? 2 : 1;
  for (let n = Math.ceil(range.low); n <= range.high; n += every) {
    ctx.strokeStyle = colors.muted;
    ctx.lineWidth = 1;
    ctx.beginPath();
    ctx.moveTo(x(n), band.bottom);
    ctx.lineTo(x(n), band.bottom + 5);
    ctx.stroke();
    text(ctx, power(n), clamp(x(n), 16, width - 16), band.bottom + 16, colors.muted, "center");
  }
  if (limit) drawLimit(ctx, limit, x, width, band, colors);
};

const drawLimit = (ctx, limit, x, width, band, colors) => {
  const place = x(Math.log10(limit.rate)),
    words = `${limit.basis === "start" ? "estimated" : "predicted"} limit ${number(limit.rate, 3)}`;
  if (place < 0 || place > width) return;
  const room = ctx.measureText(words).width / 2 + 2;
  ctx.strokeStyle = colors.ink;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(place, 17);
  ctx.lineTo(place, band.bottom + 4);
  ctx.stroke();
  text(ctx, words, clamp(place, room, width - room), 9, colors.ink, "center");
};
