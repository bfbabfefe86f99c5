// Elements of the page, made without markup in strings.

export const make = (tag, attributes = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
};

let count = 0;
const unique = () => `pg-${++count}`;

// A named control: { element, show(value) } that calls `change(value)`.
export const choice = (label, options, change) => {
  const id = unique();
  const select = make(
    "select",
    { id, onchange: () => change(select.value) },
    ...Object.entries(options).map(([value, words]) => make("option", { value }, words)),
  );
  return {
    element: make("div", { class: "pg-field" }, make("label", { for: id }, label), select),
    show: (value) => {
      select.value = value;
    },
  };
};

export const tick = (label, change) => {
  const id = unique();
  const box = make("input", { id, type: "checkbox", onchange: () => change(box.checked) });
  return {
    element: make("div", { class: "pg-field pg-tick" }, box, make("label", { for: id }, label)),
    show: (value) => {
      box.checked = value;
    },
  };
};

// A slider over `low` to `high`; `to` and `from` take a value to its place on the slider and back.
export const slider = (
  label,
  { low, high, step, to = (v) => v, from = (v) => v, words = String },
  change,
) => {
  const id = unique(),
    output = make("b");
  const input = make("input", {
    id,
    type: "range",
    min: low,
    max: high,
    step,
    oninput: () => change(from(Number(input.value))),
  });
  const show = (value) => {
    input.value = to(value);
    output.textContent = words(value);
    input.setAttribute("aria-valuetext", words(value));
  };
  return {
    element: make("div", { class: "pg-field" }, make("label", { for: id }, label, " ", output), input),
    input,
    show,
  };
};

// A canvas that says what it shows.
export const picture = (name, label) => {
  const canvas = make("canvas", { role: "img", "aria-label": label });
  const place = make("div", { class: `pg-picture pg-${name}` }, canvas);
  return { canvas, place };
};

// What is dragged on a picture: a round handle that also moves by the arrow keys. drag(dx, dy, end): by pixels
// from where it was taken hold of, or by a key.
export const handle = (label, { take = () => {}, drag }) => {
  const element = make("button", { type: "button", class: "pg-handle", "aria-label": label });
  let from = null;
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    from = [event.clientX, event.clientY];
    take();
    event.preventDefault();
    element.focus({ preventScroll: true });
  });
  element.addEventListener("pointermove", (event) => {
    if (from) drag(event.clientX - from[0], event.clientY - from[1]);
  });
  const release = () => {
    from = null;
  };
  for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, release);
  element.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    take();
    const far = event.shiftKey ? 1 : 6;
    drag(way[0] * far, way[1] * far);
  });
  return element;
};

export const place = (element, x, y) => {
  element.style.left = `${x}px`;
  element.style.top = `${y}px`;
};
