"""The playground follows a hand: each frame of a drag is computed and drawn in less than a thirtieth of a
second."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.slow

FRAME = 1000 / 30
"""Milliseconds."""

FRAMES = 40

DRAG = """([slider, frames]) => {
  const waiting = [];
  window.requestAnimationFrame = (draw) => waiting.push(draw);
  const [low, high] = [Number(slider.min), Number(slider.max)];
  return [...Array(frames).keys()].map((i) => {
    const start = performance.now();
    slider.value = String(low + ((high - low) * (i + 1)) / (frames + 1));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    for (const draw of waiting.splice(0)) draw(performance.now());
    return performance.now() - start;
  });
}"""
"""Drags a slider from end to end, and runs the frames that ask to be drawn at once: the time that the script
takes for each, without waiting for the screen."""


@pytest.mark.parametrize(
    "settings", ["problem=valley&b=adam", "problem=line&batch=8", "problem=network&steps=80&b=adam"]
)
def test_thirty_frames_a_second_are_drawn(opened: Callable[..., Page], settings: str) -> None:
    page = opened(settings)
    slider = page.get_by_role("slider", name="Learning rate").first.element_handle()
    before = page.locator("canvas").first.evaluate("canvas => canvas.toDataURL()")
    times = page.evaluate(DRAG, [slider, FRAMES])
    assert page.locator("canvas").first.evaluate("canvas => canvas.toDataURL()") != before
    assert statistics.median(times) < FRAME, [round(time) for time in times]
