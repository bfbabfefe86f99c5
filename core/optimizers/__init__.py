"""The registry of optimizers, a module for each family; importing the package fills it."""

from overshoot.core.optimizers import (
    adam,
    adaptive,
    averaging,
    layerwise,
    momentum,
    parameter_free,
    second_moments,
    second_order,
    signs,
)
from overshoot.core.optimizers.base import OPTIMIZERS, Optimizer, domains, optimizer, register

__all__ = [
    "OPTIMIZERS",
    "Optimizer",
    "adam",
    "adaptive",
    "averaging",
    "domains",
    "layerwise",
    "momentum",
    "optimizer",
    "parameter_free",
    "register",
    "second_moments",
    "second_order",
    "signs",
]
