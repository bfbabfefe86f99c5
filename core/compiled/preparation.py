"""Compiling, before anything trains, what trainings of some kinds will need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from overshoot.core.activations import ACTIVATIONS
from overshoot.core.compiled import lanes
from overshoot.core.compiled.build import compiled
from overshoot.core.compiled.compiled_stack import obstacle
from overshoot.core.compiled.rules import rule
from overshoot.core.losses import LOSSES
from overshoot.core.network import Network
from overshoot.core.optimizers.base import Optimizer


def prepare(what: Iterable[tuple[Network, Optimizer, np.dtype]]) -> Iterator[str]:
    """See `core.compiled.warm_up`."""
    for net, optimizer, dtype in what:
        theta = np.zeros((1, net.size), dtype)
        if obstacle(net, optimizer, theta):
            continue  # it trains with NumPy
        yield f"{net.activation} {net.loss} {optimizer.name} {dtype.name}"
        prepared = optimizer.prepare(net.shapes)
        for way in (lanes.TrialLanes, lanes.UnitLanes):
            way.function(dtype.name)
        lanes.network_functions(ACTIVATIONS[net.activation], LOSSES[net.loss], dtype.name)
        compiled("update", dtype.name, rule(prepared, prepared.init(theta), theta).source, 8)
