"""The core of Overshoot: optimizers, networks and one training loop for stacks of trials, in NumPy.

import core

opt = core.optimizer("adam", lr=0.1, beta1=0.9)
path = core.descend(opt, gradient, start, steps=100)
net = core.Network(sizes=(64, 32, 10), activation="relu", loss="softmax_cross_entropy")
theta = net.init(np.random.default_rng(0))
loss, grad = net.loss_and_grad(theta, X, Y)
"""

from core.activations import ACTIVATIONS
from core.batches import BatchStrategy
from core.curvature import (
    batch_sharpness,
    critical_rate,
    directional_sharpness,
    sharpness,
    smallest_eigenvalue,
    tangent_kernel_sharpness,
)
from core.descent import descend
from core.eigenvalues import Estimate
from core.exponents import almost_sure_rates, lyapunov_exponents
from core.gradcheck import gradient_error
from core.hessian import hessian_product
from core.initializers import INITIALIZERS
from core.limits import fixed_order_rate, mean_square_rate, noise_floor
from core.loop import Trace
from core.losses import LOSSES
from core.network import Batch, Network
from core.optimizers import OPTIMIZERS, Optimizer, domains, optimizer
from core.schedules import SCHEDULES, Schedule, schedule
from core.training import train

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
]
