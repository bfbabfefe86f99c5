"""The registry of optimizers; importing the package fills it."""

from core.optimizers import adaptive, momentum
from core.optimizers.base import OPTIMIZERS, Optimizer, domains, optimizer, register

__all__ = ["OPTIMIZERS", "Optimizer", "adaptive", "domains", "momentum", "optimizer", "register"]
