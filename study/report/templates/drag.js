(() => {
  const place = document.querySelector("#drag .lab");
  const data = JSON.parse(document.getElementById("drag-data").textContent);
  const [problems, optimizers, batches, others] = place.querySelectorAll("select");
  const slider = place.querySelector("input[type=range]");
  const say = Object.fromEntries([...place.querySelectorAll("[data-say]")].map((e) => [e.dataset.say, e]));
  const boxes = Object.fromEntries([...place.querySelectorAll("[data-box]")].map((e) => [e.dataset.box, e]));
  const LEFT = 46,
    RIGHT = 12,
    HIGH = 200,
    CHART = 290;
  let low; // of the problem that is shown, in hundredths of a decade

  const element = (parent, tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) {
      // The page's policy lets no attribute style anything; a property may.
      if (name === "style") made.style.cssText = value;
      else made.setAttribute(name, value);
    }
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  };
  const canvas = (box, height) => {
    const width = Math.max(box.clientWidth, 200); // a page that is being closed has none
    const svg = element(document.createDocumentFragment(), "svg", {
      viewBox: `0 0 ${width} ${height}`,
      "aria-hidden": "true",
    });
    box.replaceChildren(svg);
    return [svg, width];
  };
  const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low)) * (to - from);
  const raised = (n) => String(n).replace(/./g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));
  const power = (n) => (n >= -1 && n <= 2 ? String(10 ** n).slice(0, 4) : `10${raised(n)}`);
  const number = (value) => {
    if (value === null) return "∞";
    if (value === 0 || (Math.abs(value) >= 0.001 && Math.abs(value) < 1e4))
      return (Math.abs(value) >= 10 ? value.toFixed(0) : String(Number(value.toPrecision(2)))).replace(
        "-",
        "−",
      );
    const [digits, exponent] = value.toExponential(1).split("e");
    const tens = `10${raised(Number(exponent))}`;
    return digits === "1.0" ? tens : `${digits.replace(/\.0$/, "").replace("-", "−")}·${tens}`;
  };
  const gap = (run) => (run.e <= 1e-6 ? "10⁻⁶ or less" : number(run.e));
  const height = (run) =>
    run.e === null ? Infinity : Math.max(100 * Math.log10(Math.max(run.e, 1e-6)), low);

  const cellOf = (optimizer) =>
    data.cells.find(
      (c) => c.problem === +problems.value && c.batch === +batches.value && c.optimizer === optimizer,
    );
  const ratesOf = (cell) => data.lists[cell.rates];
  // The same rate in a cell whose grid may be another: the nearest, if it is near.
  const indexOf = (cell, rate) => {
    const far = ratesOf(cell).map((r) => Math.abs(Math.log10(r / rate)));
    const best = far.indexOf(Math.min(...far));
    return far[best] < 0.2 ? best : -1;
  };
  const shown = () => {
    const first = cellOf(+optimizers.value);
    if (!first) return [];
    const rate = ratesOf(first)[+slider.value];
    const cells = [
      first,
      others.value === "" || others.value === optimizers.value ? null : cellOf(+others.value),
    ];
    return cells.filter(Boolean).map((cell, i) => ({
      cell,
      index: indexOf(cell, rate),
      look: data.optimizers[cell.optimizer],
      dash: i ? "6 4" : "none",
    }));
  };

  const words = (one, many, count, total) =>
    (count === total
      ? total === 1
        ? "the run"
        : total === 2
          ? "both runs"
          : `all ${total} runs`
      : `${count} of ${total} runs`) + (count === 1 ? one : many);
  const outcome = (runs) =>
    data.outcomes
      .map(({ name }, o) => [name, runs.filter((r) => r.o === o).length])
      .filter(([, count]) => count)
      .map(
        ([name, count]) =>
          ({
            converged: words(" converged", " converged", count, runs.length),
            diverged: words(" diverged", " diverged", count, runs.length),
            unresolved: words(" ran out of budget", " ran out of budget", count, runs.length),
          })[name] ?? `${name} a rate for ${words("", "", count, runs.length)}`,
      )
      .join(", ");
  const ending = (runs) => {
    const lasted = runs.filter((run) => data.outcomes[run.o].name !== "diverged");
    const gone = runs.filter((run) => !lasted.includes(run));
    const parts = [];
    if (lasted.length)
      parts.push(
        `training loss ends at ${[...new Set(lasted.map((r) => number(r.l)))].join(" and ")}, gap ${[...new Set(lasted.map(gap))].join(" and ")}`,
      );
    const left = gone.filter((run) => run.u);
    if (left.length)
      parts.push(
        `${lasted.length ? "the other " : ""}stopped at update ${[...new Set(left.map((r) => r.u.toLocaleString("en")))].join(" and ")}`,
      );
    if (left.length < gone.length)
      parts.push("at the end of the budget no nearer than at the start, or still growing");
    return parts.join("; ");
  };

  const path = (points) =>
    points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  const cross = (svg, x, y) => element(svg, "path", { d: `M${x - 4} ${y - 4}l8 8m0-8l-8 8`, class: "cross" });

  const axis = (svg, [x0, x1, y0, y1], y, step) => {
    for (let q = HIGH; q >= low; q -= step) {
      element(svg, "path", { d: `M${x0} ${y(q)}H${x1}`, class: "grid" });
      element(svg, "text", { x: x0 - 6, y: y(q) + 4, "text-anchor": "end" }, power(q / 100));
    }
    element(svg, "path", { d: `M${x0} ${y(100 * data.tolerance)}H${x1}`, class: "tolerance" });
    element(svg, "path", { d: `M${x0} ${y1}V${y0}H${x1}`, class: "frame" });
  };

  const drawCurves = (lines) => {
    const [svg, width] = canvas(boxes.curves, CHART);
    const budget = data.problems[+problems.value].budget;
    const sides = [LEFT, width - RIGHT, CHART - 36, 12];
    const x = scale(0, budget, sides[0], sides[1]),
      y = scale(low, HIGH, sides[2], sides[3]);
    axis(svg, sides, y, HIGH - low > 500 ? 200 : 100);
    for (const share of [0, 0.5, 1])
      element(
        svg,
        "text",
        { x: x(share * budget), y: CHART - 20, "text-anchor": ["start", "middle", "end"][2 * share] },
        Math.round(share * budget).toLocaleString("en"),
      );
    element(
      svg,
      "text",
      { x: (sides[0] + sides[1]) / 2, y: CHART - 4, "text-anchor": "middle", class: "name" },
      "examples processed",
    );
    for (const { cell, index, look, dash } of lines) {
      for (const run of cell.runs[index] ?? []) {
        const xs = data.lists[run.x],
          points = [];
        let out = null;
        for (let i = 0; i < run.q.length && !out; i++) {
          const q = Math.max(run.q[i], low);
          if (q <= HIGH) points.push([x(xs[i]), y(q)]);
          else {
            const before = Math.max(run.q[i - 1], low),
              share = (HIGH - before) / (q - before);
            out = [x(xs[i - 1] + share * (xs[i] - xs[i - 1])), y(HIGH)];
          }
        }
        const gone = data.outcomes[run.o].name === "diverged";
        const line = out ? [...points, out] : points;
        element(svg, "path", {
          d: path(line),
          class: "run",
          style: `stroke:var(${look.color})`,
          "stroke-dasharray": dash,
        });
        if (gone) cross(svg, ...line[line.length - 1]);
      }
    }
    for (const [q, text] of [
      [0, "as at the start"],
      [100 * data.tolerance, "tolerance: converged below"],
    ])
      element(svg, "text", { x: sides[1], y: y(q) - 4, "text-anchor": "end", class: "over" }, text);
  };

  const drawMap = (lines) => {
    const surface = data.problems[+problems.value].surface;
    boxes.map.parentElement.hidden = !surface;
    if (!surface) return;
    const [svg, width] = canvas(boxes.map, CHART);
    const side = Math.min(CHART - 48, width - LEFT - RIGHT);
    const left = LEFT,
      top = 12,
      middle = [left + side / 2, top + side / 2],
      unit = side / 2000;
    // A picture within the picture, in the same coordinates: it cuts off what is outside of it.
    const window = { x: left, y: top, width: side, height: side };
    const inside = element(svg, "svg", { ...window, viewBox: Object.values(window), class: "window" });
    for (const [a, b] of surface.ellipses)
      element(inside, "ellipse", {
        cx: middle[0],
        cy: middle[1],
        rx: a * unit,
        ry: b * unit,
        transform: `rotate(${-surface.angle} ${middle})`,
        class: "contour",
      });
    element(inside, "path", { d: `M${middle[0] - 5} ${middle[1]}h10m-5-5v10`, class: "optimum" });
    for (const { cell, index, look, dash } of lines) {
      for (const run of cell.runs[index] ?? []) {
        const points = [];
        for (let i = 0; i < run.p.length; i += 2)
          points.push([middle[0] + run.p[i] * unit, middle[1] - run.p[i + 1] * unit]);
        const color = `var(${look.color})`;
        element(inside, "path", {
          d: path(points.slice(0, run.j)),
          class: "run thin",
          style: `stroke:${color}`,
          "stroke-dasharray": dash,
        });
        points.forEach(([cx, cy], i) => {
          element(inside, "circle", {
            cx,
            cy,
            r: 1.8,
            style: `fill:${color}`,
            opacity: i < run.j ? 1 : 0.35,
          });
        });
        element(inside, "circle", {
          cx: points[0][0],
          cy: points[0][1],
          r: 4,
          class: "start",
          style: `stroke:${color}`,
        });
        if (data.outcomes[run.o].name === "diverged") cross(svg, ...leaving(points, left, top, side));
      }
    }
    element(svg, "rect", { ...window, class: "frame" });
    surface.center.forEach((value, i) => {
      for (const [share, end] of [
        [0, value - surface.half],
        [1, value + surface.half],
      ]) {
        const label = number(Number(end.toPrecision(2)));
        if (i)
          element(
            svg,
            "text",
            { x: left - 6, y: top + side * (1 - share) + (share ? 8 : 0), "text-anchor": "end" },
            label,
          );
        else
          element(
            svg,
            "text",
            { x: left + side * share, y: top + side + 15, "text-anchor": share ? "end" : "start" },
            label,
          );
      }
    });
    element(
      svg,
      "text",
      { x: middle[0], y: top + side + 31, "text-anchor": "middle", class: "name" },
      "slope",
    );
    element(
      svg,
      "text",
      {
        x: 0,
        y: 0,
        "text-anchor": "middle",
        class: "name",
        transform: `translate(14 ${middle[1]}) rotate(-90)`,
      },
      "intercept",
    );
  };

  // Where a path crosses the edge of the map for good, or its last point if it stays.
  const leaving = (points, left, top, side) => {
    const within = ([x, y]) => x >= left && x <= left + side && y >= top && y <= top + side;
    let i = points.length - 1;
    while (i > 0 && !within(points[i])) i -= 1;
    if (i === points.length - 1) return points[i];
    const [[x, y], [u, v]] = [points[i], points[i + 1]];
    const shares = [
      u > x ? (left + side - x) / (u - x) : u < x ? (left - x) / (u - x) : Infinity,
      v > y ? (top + side - y) / (v - y) : v < y ? (top - y) / (v - y) : Infinity,
    ];
    const share = Math.min(...shares);
    return [x + share * (u - x), y + share * (v - y)];
  };

  const drawRates = (lines) => {
    const rows = lines.length,
      bottom = 134 + 14 * rows,
      [svg, width] = canvas(boxes.rates, bottom);
    const rates = ratesOf(lines[0].cell),
      ends = [rates[0], rates[rates.length - 1]].map(Math.log10);
    const sides = [LEFT, width - RIGHT, 104, 22];
    const x = scale(...ends, sides[0], sides[1]),
      y = scale(low, HIGH, sides[2], sides[3]);
    axis(svg, sides, y, HIGH - low > 500 ? 400 : 200);
    const step = (sides[1] - sides[0]) / Math.max(rates.length - 1, 1);
    lines.forEach(({ cell, look, dash }, row) => {
      const known = ratesOf(cell);
      const middle = known.map((rate, i) => [
        x(Math.log10(rate)),
        cell.runs[i].reduce((sum, r) => sum + height(r), 0) / cell.runs[i].length,
      ]);
      let started = false;
      const d = middle.map(([u, e]) => {
        if (e > HIGH) {
          started = false;
          return "";
        }
        const text = `${started ? "L" : "M"}${u.toFixed(1)} ${y(e).toFixed(1)}`;
        started = true;
        return text;
      });
      element(svg, "path", {
        d: d.join(""),
        class: "run",
        style: `stroke:var(${look.color})`,
        "stroke-dasharray": dash,
      });
      known.forEach((rate, i) => {
        const runs = cell.runs[i],
          part = 11 / runs.length;
        runs.forEach((run, k) => {
          element(svg, "rect", {
            x: x(Math.log10(rate)) - step / 2 + 0.5,
            y: 109 + 14 * row + k * part,
            width: Math.max(step - 1, 1),
            height: part,
            style: `fill:var(${data.outcomes[run.o].color})`,
          });
          if (height(run) <= HIGH)
            element(svg, "circle", {
              cx: x(Math.log10(rate)),
              cy: y(height(run)),
              r: 2.2,
              style: `fill:var(${look.color})`,
            });
        });
      });
    });
    // Of two optimizers each has its limits, in its colour; the names stand with those of the first.
    const named = [];
    lines.forEach(({ cell: { limit }, look }, row) => {
      for (const kind of ["predicted", "measured"]) {
        const at = limit[kind] && x(Math.log10(limit[kind]));
        if (!at || at < sides[0] || at > sides[1]) continue;
        const style = rows > 1 ? `stroke:var(${look.color})` : "";
        element(svg, "path", {
          d: `M${at} ${sides[3] - 4}V${109 + 14 * rows}`,
          class: `limit ${kind}`,
          style,
          "data-limit": kind,
          "data-of": look.name,
        });
        if (!row) named.push([kind, at]);
      }
    });
    // Two limits that all but meet share a label; otherwise each goes to its own side.
    const meet = named.length === 2 && Math.abs(named[0][1] - named[1][1]) < 100;
    const labels = meet
      ? [["predicted and measured limit", (named[0][1] + named[1][1]) / 2]]
      : named.map(([kind, at]) => [`${kind} limit`, at]);
    for (const [text, at] of labels)
      element(
        svg,
        "text",
        {
          x: at,
          y: 12,
          "text-anchor":
            at > (sides[0] + sides[1]) * 0.72
              ? "end"
              : at < (sides[0] + sides[1]) * 0.28
                ? "start"
                : "middle",
          class: "limit-name",
        },
        text,
      );
    const now = x(Math.log10(rates[+slider.value]));
    element(svg, "path", { d: `M${now} ${sides[3]}V${bottom - 18}`, class: "now" });
    const decades = Math.max(1, Math.ceil((ends[1] - ends[0]) / (width < 480 ? 4 : 8)));
    for (let n = Math.ceil(ends[0] - 1e-9); n <= ends[1] + 1e-9; n += decades)
      element(svg, "text", { x: x(n), y: bottom - 3, "text-anchor": "middle" }, power(n));
  };

  const draw = () => {
    const lines = shown();
    low = data.problems[+problems.value].low;
    place.querySelector(".charts").hidden = lines.length === 0;
    slider.disabled = lines.length === 0;
    if (!lines.length) {
      say.rate.textContent = "–";
      say.outcome.textContent = "This combination was not run.";
      say.other.textContent = say.limit.textContent = "";
      return;
    }
    const rate = ratesOf(lines[0].cell)[+slider.value];
    const texts = lines.map(({ cell, index, look }) => {
      const runs = cell.runs[index];
      return runs
        ? `${look.label}: ${outcome(runs)}; ${ending(runs)}.`
        : `${look.label} was not run at this rate.`;
    });
    const bounds = lines.map(({ cell: { limit }, look }) => {
      const ratio = rate / limit.predicted;
      const share = limit.predicted
        ? ` This rate is ${ratio >= 1 ? `${number(ratio)} times` : `${number(100 * ratio)} % of`} the predicted limit.`
        : "";
      return (lines.length > 1 ? `${look.label}: ` : "") + limit.text + share;
    });
    say.rate.textContent = number(rate);
    ["outcome", "other"].forEach((name, i) => {
      if (lines[i])
        say[name].style.borderLeft = `.3rem ${i ? "dashed" : "solid"} var(${lines[i].look.color})`;
    });
    say.outcome.textContent = texts[0];
    say.other.textContent = texts[1] ?? "";
    say.limit.textContent = bounds.join("\n");
    slider.setAttribute("aria-valuetext", `learning rate ${number(rate)}. ${texts.join(" ")}`);
    drawRates(lines);
    drawCurves(lines);
    drawMap(lines);
  };

  // A new cell may have other rates: stay at the same one, or as near as can be.
  const choose = () => {
    const before = slider.dataset.rate && +slider.dataset.rate;
    const cell = cellOf(+optimizers.value);
    if (cell) {
      const rates = ratesOf(cell);
      slider.max = rates.length - 1;
      const far = rates.map((rate) => Math.abs(Math.log10(rate / before)));
      slider.value = before ? far.indexOf(Math.min(...far)) : (cell.best ?? 0);
    }
    move();
  };
  const move = () => {
    const cell = cellOf(+optimizers.value);
    if (cell) slider.dataset.rate = ratesOf(cell)[+slider.value];
    draw();
  };

  const fill = (select, list) => {
    for (const [i, { label }] of list.entries()) select.add(new Option(label, i));
  };
  fill(problems, data.problems);
  fill(optimizers, data.optimizers);
  fill(batches, data.batches);
  fill(others, data.optimizers);
  problems.value = data.opening;
  place.hidden = false;
  document.querySelector("#drag .still").hidden = true;
  for (const select of [problems, optimizers, batches, others]) select.addEventListener("change", choose);
  slider.addEventListener("input", move);
  // The page's filters choose here as well.
  for (const [kind, select, list] of [
    ["problem", problems, data.problems],
    ["optimizer", optimizers, data.optimizers],
    ["batch", batches, data.batches],
  ])
    document.querySelector(`.filters [data-filter=${kind}]`).addEventListener("change", (event) => {
      const at = list.findIndex((entry) => entry.name === event.target.value);
      if (at >= 0) select.value = at;
      choose();
    });
  new ResizeObserver(draw).observe(place);
  choose();
})();
