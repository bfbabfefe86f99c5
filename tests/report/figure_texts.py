"""Every text of every figure of a page as a browser sets it: how large, and what it lies over or beyond."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

MEASURE = """() => {
  document.querySelectorAll(".curves[hidden]").forEach((part) => { part.hidden = false; });
  document.querySelectorAll("details").forEach((part) => { part.open = true; });
  const found = [];
  for (const svg of document.querySelectorAll(".picture figure svg")) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].filter((text) => text.textContent !== "■");
    const boxes = texts.map((text) => text.getBoundingClientRect());
    texts.forEach((text, i) => {
      const box = boxes[i], scale = text.getScreenCTM();
      const over = texts.filter((_, j) => {
        const width = Math.min(box.right, boxes[j].right) - Math.max(box.left, boxes[j].left);
        const height = Math.min(box.bottom, boxes[j].bottom) - Math.max(box.top, boxes[j].top);
        return j < i && width > 1 && height > 0.25 * Math.min(box.height, boxes[j].height);
      });
      found.push({
        picture: svg.closest(".picture").dataset.name,
        text: text.textContent,
        size: parseFloat(getComputedStyle(text).fontSize) * Math.hypot(scale.a, scale.b),
        beyond: Math.max(frame.left - box.left, box.right - frame.right, frame.top - box.top,
          box.bottom - frame.bottom),
        over: over.map((other) => other.textContent),
      });
    });
  }
  return found;
}"""

WIDEST = 'figure svg text{font-family:"DejaVu Sans"!important}'
"""The type that figures are laid out in, wider than what most pages are set in; a page that takes further
styles must be opened with `bypass_csp`."""


@dataclass(frozen=True)
class FigureText:
    """size: in CSS pixels. beyond: by how many it sticks out of its drawing, negative inside. over: the
    texts that it lies over."""

    picture: str
    text: str
    size: float
    beyond: float
    over: list[str]


def figure_texts(page: Page) -> list[FigureText]:
    """All texts of all figures, those that are folded away too."""
    return [FigureText(**found) for found in page.evaluate(MEASURE)]


def small(texts: list[FigureText], least: float = 11.0) -> list[tuple[str, str, float]]:
    return [(t.picture, t.text, round(t.size, 2)) for t in texts if t.size < least - 1e-3]


def beyond(texts: list[FigureText]) -> list[tuple[str, str, float]]:
    return [(t.picture, t.text, round(t.beyond, 1)) for t in texts if t.beyond > 1.5]


def overlapping(texts: list[FigureText]) -> list[tuple[str, str, list[str]]]:
    return [(t.picture, t.text, t.over) for t in texts if t.over]
