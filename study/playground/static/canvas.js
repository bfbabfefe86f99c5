// Canvases that fill their place at the screen's resolution, axes, and contours.
import { number, power } from "./numbers.js";

export const FONT = 13;

// The context of a canvas whose units are CSS pixels, cleared, with its width and height.
export const begin = (canvas, colors) => {
  const width = canvas.clientWidth || 300,
    height = canvas.clientHeight || 150,
    scale = Math.max(devicePixelRatio || 1, 1);
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(scale, 0, 0, scale, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.font = `${FONT}px ${colors.font}`;
  ctx.lineJoin = "round";
  return { ctx, width, height, scale };
};

export const linear = (low, high, from, to) => {
  const place = (value) => from + ((value - low) / (high - low)) * (to - from);
  place.invert = (pixel) => low + ((pixel - from) / (to - from)) * (high - low);
  return place;
};

// About `count` round numbers from low to high.
export const ticks = (low, high, count) => {
  const rough = (high - low) / count,
    ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * ten).find((s) => s >= rough) ?? 10 * ten;
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
};

export const text = (ctx, words, x, y, color, align = "left", halo = null) => {
  ctx.textAlign = align;
  ctx.textBaseline = "middle";
  if (halo) {
    ctx.lineWidth = 4;
    ctx.strokeStyle = halo;
    ctx.strokeText(words, x, y);
  }
  ctx.fillStyle = color;
  ctx.fillText(words, x, y);
};

// A box with ticks and names at its left and below; x and y as `linear` gives them. names: [x, y].
export const axes = ({ ctx }, box, x, y, names, colors, marks) => {
  ctx.strokeStyle = colors.grid;
  ctx.lineWidth = 1;
  for (const { value, label } of marks.x) {
    ctx.beginPath();
    ctx.moveTo(x(value), box.bottom);
    ctx.lineTo(x(value), box.bottom + 4);
    ctx.stroke();
    text(ctx, label, x(value), box.bottom + 13, colors.muted, "center");
  }
  for (const { value, label } of marks.y) {
    ctx.beginPath();
    ctx.moveTo(box.left, y(value));
    ctx.lineTo(marks.lines ? box.right : box.left - 4, y(value));
    ctx.stroke();
    text(ctx, label, box.left - 8, y(value), colors.muted, "right");
  }
  ctx.strokeStyle = colors.muted;
  ctx.beginPath();
  ctx.moveTo(box.left, box.top);
  ctx.lineTo(box.left, box.bottom);
  ctx.lineTo(box.right, box.bottom);
  ctx.stroke();
  text(ctx, names[0], (box.left + box.right) / 2, box.bottom + 31, colors.ink, "center");
  ctx.save();
  ctx.translate(11, (box.top + box.bottom) / 2);
  ctx.rotate(-Math.PI / 2);
  text(ctx, names[1], 0, 0, colors.ink, "center");
  ctx.restore();
};

export const plainMarks = (low, high, count) =>
  ticks(low, high, count).map((value) => ({ value, label: number(Math.abs(value) < 1e-12 ? 0 : value, 3) }));

// Marks at every `every`-th power of ten.
export const powerMarks = (low, high, every) =>
  Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => low + i * every).map((value) => ({
    value,
    label: power(value),
  }));

// Lines where a grid of values (rows of numbers, row 0 at y0) crosses a level: marching squares, drawn as segments.
export const contour = (ctx, grid, level, x, y) => {
  const cut = (a, b) => (level - a) / (b - a);
  for (let j = 0; j + 1 < grid.length; j++) {
    for (let i = 0; i + 1 < grid[j].length; i++) {
      const [a, b, c, d] = [grid[j][i], grid[j][i + 1], grid[j + 1][i + 1], grid[j + 1][i]];
      const points = [];
      if (a > level !== b > level) points.push([i + cut(a, b), j]);
      if (b > level !== c > level) points.push([i + 1, j + cut(b, c)]);
      if (c > level !== d > level) points.push([i + 1 - cut(c, d), j + 1]);
      if (d > level !== a > level) points.push([i, j + 1 - cut(d, a)]);
      for (let k = 0; k + 1 < points.length; k += 2) {
        ctx.moveTo(x(points[k][0]), y(points[k][1]));
        ctx.lineTo(x(points[k + 1][0]), y(points[k + 1][1]));
      }
    }
  }
};

export const dot = (ctx, x, y, radius, fill, stroke = null, width = 1.5) => {
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 2 * Math.PI);
  ctx.fillStyle = fill;
  ctx.fill();
  if (stroke) {
    ctx.lineWidth = width;
    ctx.strokeStyle = stroke;
    ctx.stroke();
  }
};

export const cross = (ctx, x, y, color) => {
  ctx.strokeStyle = color;
  ctx.lineWidth = 3;
  ctx.lineCap = "round";
  ctx.beginPath();
  for (const side of [1, -1]) {
    ctx.moveTo(x - 5, y - 5 * side);
    ctx.lineTo(x + 5, y + 5 * side);
  }
  ctx.stroke();
  ctx.lineCap = "butt";
};

const parsed = new Map();
// "#rrggbb" or "rgb(...)" as three numbers.
export const rgb = (color) => {
  if (!parsed.has(color)) {
    const hex = /^#(..)(..)(..)$/.exec(color.trim());
    parsed.set(
      color,
      hex
        ? hex.slice(1).map((h) => parseInt(h, 16))
        : color
            .match(/[\d.]+/g)
            .slice(0, 3)
            .map(Number),
    );
  }
  return parsed.get(color);
};

export const mix = (from, to, share) => {
  const [a, b] = [rgb(from), rgb(to)];
  return a.map((value, i) => value + (b[i] - value) * share);
};

// A picture of `shade(i, j)` -> [r, g, b] on a grid, row 0 on top, to be drawn at any size.
export const raster = (columns, rows, shade) => {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const ctx = canvas.getContext("2d"),
    image = ctx.createImageData(columns, rows);
  for (let j = 0, at = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++, at += 4) {
      const [r, g, b] = shade(i, j);
      image.data[at] = r;
      image.data[at + 1] = g;
      image.data[at + 2] = b;
      image.data[at + 3] = 255;
    }
  }
  ctx.putImageData(image, 0, 0);
  return canvas;
};
