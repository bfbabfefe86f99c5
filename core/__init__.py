"""The core of Overshoot: optimizers, networks and one training loop for stacks of trials, in NumPy.

Examples:
    Three networks as one stack, each at a rate of its own; the middle rate ends lowest.

    >>> import numpy as np
    >>> from overshoot import core
    >>> net = core.Network(sizes=(1, 8, 1), activation="tanh", loss="half_mse")
    >>> x = np.linspace(-2, 2, 40)[:, None]
    >>> data = net.data(x, np.sin(2 * x))
    >>> start = np.stack([net.init(np.random.default_rng(0))] * 3)
    >>> adam = core.optimizer("adam", lr=[1e-4, 1e-2, 1e2])
    >>> batches = core.BatchStrategy(16)
    >>> trace = core.train(net, adam, start, data, batches, seeds=[0, 0, 0], evaluate_at=[0, 100])
    >>> trace.values["train_loss"].shape
    (3, 2)
    >>> int(trace.values["train_loss"][:, -1].argmin())
    1
"""

from overshoot.core.activations import ACTIVATIONS
from overshoot.core.batches import BatchStrategy
from overshoot.core.curvature import (
    batch_sharpness,
    critical_rate,
    directional_sharpness,
    sharpness,
    smallest_eigenvalue,
    tangent_kernel_sharpness,
)
from overshoot.core.descent import descend
from overshoot.core.eigenvalues import Estimate
from overshoot.core.exponents import almost_sure_rates, lyapunov_exponents
from overshoot.core.gradcheck import gradient_error
from overshoot.core.hessian import hessian_product
from overshoot.core.initializers import INITIALIZERS
from overshoot.core.limits import fixed_order_rate, mean_square_rate, noise_floor
from overshoot.core.loop import Trace
from overshoot.core.losses import LOSSES
from overshoot.core.network import Batch, Network
from overshoot.core.optimizers import OPTIMIZERS, Optimizer, domains, optimizer
from overshoot.core.schedules import SCHEDULES, Schedule, schedule
from overshoot.core.training import train
from overshoot.core.transition import transition_rate

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LOSSES",
    "OPTIMIZERS",
    "SCHEDULES",
    "Batch",
    "BatchStrategy",
    "Estimate",
    "Network",
    "Optimizer",
    "Schedule",
    "Trace",
    "almost_sure_rates",
    "batch_sharpness",
    "critical_rate",
    "descend",
    "directional_sharpness",
    "domains",
    "fixed_order_rate",
    "gradient_error",
    "hessian_product",
    "lyapunov_exponents",
    "mean_square_rate",
    "noise_floor",
    "optimizer",
    "schedule",
    "sharpness",
    "smallest_eigenvalue",
    "tangent_kernel_sharpness",
    "train",
    "transition_rate",
]

if __name__ == "core":  # imported by its folder's name, in a clone
    from overshoot.alias import stand_for

    stand_for("core")
