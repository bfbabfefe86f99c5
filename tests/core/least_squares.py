"""What the tests of limits on least squares share: methods, their recursions, and inputs."""

import numpy as np

from overshoot.core import optimizer

SGD: tuple[str, dict[str, float]] = ("sgd", {})
METHODS = [
    SGD,
    ("momentum", {"momentum": 0.0, "dampening": 0.5}),
    ("momentum", {"momentum": 0.5, "dampening": 0.25}),
    ("momentum", {"momentum": 0.9}),
    ("momentum", {"momentum": 0.9, "dampening": 0.9}),
    ("nesterov", {"momentum": 0.0}),
    ("nesterov", {"momentum": 0.5}),
    ("nesterov", {"momentum": 0.9}),
]


def recursion(method):
    name, options = method
    return optimizer(name, **options).recursion


def features(rng, n, d):
    return rng.standard_normal((n, d)) * np.geomspace(1, 3, d)
