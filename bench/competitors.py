"""Who takes part, and what each of them must be able to do."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from bench.tasks import SETTINGS, Task


@dataclass(frozen=True)
class Prepared:
    """A training that is ready to go.

    run(): does the task's updates, on the same batches every time; it gathers their samples itself.
    theta(): the parameters (R, P) after the first run; None for something that does not train.
    trials: how many networks a run trains; a plain loop trains one, whatever the task says.
    compile_seconds: what it took to compile, which is not part of a run.
    """

    run: Callable[[], None]
    theta: Callable[[], np.ndarray] | None
    trials: int
    compile_seconds: float = 0.0


@dataclass(frozen=True)
class Competitor:
    """A competitor by name; `module` has its `function(task) -> Prepared` and is imported when it starts.

    stacks: trains all trials at once; one that does not is measured with a single trial.
    needs: what to install where the import fails.
    optimizers: those that it has with the core's update rule.
    """

    name: str
    label: str
    module: str
    function: str = "prepare"
    stacks: bool = True
    needs: str = ""
    optimizers: Collection[str] = tuple(SETTINGS)

    def prepare(self, task: Task) -> Prepared:
        """Raises ImportError when a library is missing."""
        prepared: Prepared = getattr(importlib.import_module(self.module), self.function)(task)
        return prepared


CORE = Competitor("core", "this core", "bench.numpy_core")
PRODUCTS = Competitor("products", "its matrix products alone", "bench.numpy_core", "prepare_products")
NUMPY = Competitor("numpy", "its NumPy path", "bench.numpy_core", "prepare_numpy")
UPDATE = Competitor("update", "its update rule alone", "bench.numpy_core", "prepare_update")
COMPETITORS = (
    CORE,
    NUMPY,
    PRODUCTS,
    UPDATE,
    Competitor("jax", "JAX, jit + vmap + scan", "bench.jax_scan", needs="jax"),
    Competitor("torch_vmap", "PyTorch, vmap", "bench.pytorch", "prepare_vmap", needs="torch"),
    Competitor(
        "scikit-learn",
        "scikit-learn, a loop",
        "bench.scikit",
        stacks=False,
        optimizers=("sgd", "momentum", "nesterov", "adam"),
    ),
    Competitor("torch_loop", "PyTorch, a loop", "bench.pytorch", "prepare_loop", stacks=False, needs="torch"),
)
