"""Compiling, before anything trains, what trainings of a kind will need."""

from __future__ import annotations

import numpy as np

from overshoot.core.activations import ACTIVATIONS
from overshoot.core.compiled import lanes
from overshoot.core.compiled.build import compiled, kept
from overshoot.core.compiled.compiled_stack import obstacle
from overshoot.core.compiled.rules import rule
from overshoot.core.losses import LOSSES
from overshoot.core.network import Network
from overshoot.core.optimizers.base import Optimizer


def prepare(net: Network, optimizer: Optimizer, dtype: np.dtype, piece: str) -> bool:
    """See `core.compiled.warm_up`."""
    before, theta = kept(), np.zeros((1, net.size), dtype)
    if obstacle(net, optimizer, theta):
        return False  # it trains with NumPy
    if piece == "rules":
        prepared = optimizer.prepare(net.shapes)
        lanes.network_functions(ACTIVATIONS[net.activation], LOSSES[net.loss], dtype.name)
        compiled("update", dtype.name, rule(prepared, prepared.init(theta), theta).source, 8)
    else:
        way = {"trials": lanes.TrialLanes, "units": lanes.UnitLanes}[piece]
        way.function(dtype.name)
    return kept() != before
