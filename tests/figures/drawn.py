"""Panels drawn to be looked into: a figure for each, with all that is in it."""

from matplotlib.figure import Figure

from overshoot.study.figures.panels import Panels
from overshoot.study.figures.theme import themed


def figures(panels: Panels) -> list[Figure]:
    drawn = []
    with themed():
        for view in panels.views:
            figure = Figure(figsize=(panels.size[0] / 72, panels.size[1] / 72))
            panels.draw(figure, view)
            drawn.append(figure)
    return drawn
