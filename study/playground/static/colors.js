// The page's colours, as its style sheet has them now: light, dark, or on paper.

const VARIABLES = {
  ink: "ink",
  muted: "muted",
  grid: "grid",
  paper: "paper",
  deep: "play-deep",
  contour: "play-contour",
  one: "play-one",
  two: "play-two",
  oneDark: "optimizer-3",
  twoDark: "optimizer-6",
  "too small": "outcome-too-small",
  right: "outcome-converged",
  overshooting: "outcome-too-large",
  "too large": "play-too-large",
  diverging: "outcome-diverged",
};

export const colorsOf = (element) => {
  const style = getComputedStyle(element);
  const value = (name) => style.getPropertyValue(`--${name}`).trim();
  const colors = Object.fromEntries(Object.entries(VARIABLES).map(([key, name]) => [key, value(name)]));
  return { ...colors, sides: [value("optimizer-5"), value("optimizer-4")], font: style.fontFamily };
};
