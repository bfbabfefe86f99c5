"""Which cells of two sides are compared: those alike, and those of which one thing was changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from overshoot.study.tracking import StoreError

Axes = tuple[str, str, str]
"""problem, optimizer and batch strategy of a cell."""

Pairs = list[tuple[Axes, Axes]]


def pairs(a: Collection[Axes], b: Collection[Axes], asked: Iterable[tuple[str, str]] = ()) -> Pairs:
    """Which cell of A is compared with which of B, in A's order.

    asked: optimizers, with their options and schedule, or batch strategies: the one of A and the one of B to
    be compared. StoreError for one that a side does not have.

    Where nothing is asked, cells that agree in all three axes, and of the others those that are alone on both
    sides with what they share: the same optimizer with other options or another schedule, or another batch.
    """
    asked = list(asked)
    if asked:
        return [pair for x, y in asked for pair in _asked(a, b, x, y)]
    matches = [(axes, axes) for axes in a if axes in b]
    for shared in (_base, _problem_and_optimizer):
        left_a = [axes for axes in a if axes not in {x for x, _ in matches}]
        left_b = [axes for axes in b if axes not in {y for _, y in matches}]
        matches += _alone(left_a, left_b, shared)
    order = {axes: i for i, axes in enumerate(a)}
    return sorted(matches, key=lambda pair: order[pair[0]])


def _asked(a: Collection[Axes], b: Collection[Axes], x: str, y: str) -> Pairs:
    for side, name, has in (("A", x, a), ("B", y, b)):
        if not any(name in axes[1:] for axes in has):
            known = dict.fromkeys(part for axes in has for part in axes[1:])
            raise StoreError(f"--pair: {side} has no {name!r} (it has: {', '.join(known)})")
    matches = []
    for axes in a:
        other = (axes[0], *(y if part == x else part for part in axes[1:]))
        if x in axes[1:] and other in b:
            matches.append((axes, (other[0], other[1], other[2])))
    return matches


def _alone(a: list[Axes], b: list[Axes], shared: Callable[[Axes], tuple[str, ...]]) -> Pairs:
    """Pairs of the cells that share something with one cell of the other side and no other of their own."""
    matches = []
    for axes in a:
        alike = [other for other in a if shared(other) == shared(axes)]
        others = [other for other in b if shared(other) == shared(axes)]
        if len(alike) == len(others) == 1:
            matches.append((axes, others[0]))
    return matches


def _base(axes: Axes) -> tuple[str, ...]:
    """The optimizer without its options and schedule."""
    return axes[0], axes[1].partition(" + ")[0].partition("(")[0], axes[2]


def _problem_and_optimizer(axes: Axes) -> tuple[str, ...]:
    return axes[:2]
