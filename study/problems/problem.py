"""A dataset and a network, ready to train: data, starts, orders, scores and the best known loss."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from overshoot.core import ACTIVATIONS, INITIALIZERS, LOSSES, Batch, Network
from overshoot.study.experiment.cells import Cell, Choice, NetworkSpec
from overshoot.study.late import Late
from overshoot.study.problems.datasets import LOSS, Split, load, task_of
from overshoot.study.problems.registry import DATASETS
from overshoot.study.problems.seeds import seed

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = Late("scipy.optimize")

REFERENCE_STARTS = 3
REFERENCE_ITERATIONS = 1000


@dataclass(frozen=True)
class Quadratic:
    """A loss surface in two parameters: loss + (t - theta)^T hessian (t - theta) / 2."""

    theta: tuple[float, float]
    hessian: tuple[tuple[float, float], tuple[float, float]]
    loss: float


@dataclass(frozen=True, eq=False)  # one is made for each problem, and so stands for it
class Problem:
    """What optimizers are compared on.

    parts: "train", "validation" and "test" as batches in the study's precision.
    best_loss: the exact optimum of the training loss for linear least squares, otherwise the best
        that L-BFGS finds from several starts: L* in the relative training gap.
    """

    net: Network
    split: Split
    parts: dict[str, Batch]
    best_loss: float
    root: int
    dataset: str

    @property
    def surface(self) -> Quadratic | None:
        """The loss where it is least squares in two parameters; None for other problems."""
        if self.net.size != 2 or not _least_squares(self.net):
            return None
        rows, y = self._system
        a, b = _optimum(rows, y).tolist()
        (aa, ab), (ba, bb) = (rows.T @ rows / len(rows)).tolist()
        return Quadratic((a, b), ((aa, ab), (ba, bb)), self.best_loss)

    @property
    def residuals(self) -> np.ndarray:
        """Those of least squares at the optimum, (n,), scaled as `inputs` are."""
        rows, y = self._system
        return np.asarray(y - rows @ _optimum(rows, y))

    @property
    def full_rank(self) -> bool:
        """Whether least squares has one optimum alone."""
        return int(np.linalg.matrix_rank(self._system[0])) == self.net.size

    def excess(self, theta: np.ndarray, weight_decay: float) -> np.ndarray:
        """How far least squares with an L2 penalty of weight_decay/2 ||theta||^2 is above its minimum at
        `theta: (E, P)`; (E,)."""
        rows, y = _penalized(*self._system, weight_decay)
        return np.asarray((((theta - _optimum(rows, y)) @ rows.T) ** 2).sum(axis=1) / (2 * self.samples))

    @property
    def inputs(self) -> np.ndarray:
        """Rows X (n, d + 1) of least squares, a column of ones among them, scaled so that the loss is
        ||X theta - y||^2 / 2n, of which theory speaks, and its Hessian X^T X / n."""
        return np.asarray(self.exact.rows[0]) * self._scale

    @property
    def _system(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows X (n, d + 1) and targets y (n,) of least squares, scaled as `inputs` are."""
        return _rows(self.split.X["train"]) * self._scale, self.split.y["train"] * self._scale

    @property
    def _scale(self) -> float:
        return float(np.sqrt(LOSSES[self.net.loss].quadratic))

    @cached_property
    def exact(self) -> Batch:
        """The training part in float64: in float32 inputs that follow from each other differ by rounding,
        and span directions that they do not have."""
        return self.net.data(self.split.X["train"], self.split.y["train"])

    @property
    def samples(self) -> int:
        """Training samples."""
        return self.parts["train"].size

    def start(self, replicate: str) -> np.ndarray:
        """Initial parameters (P,) of a replicate, float64."""
        axes = {"dataset": self.dataset, "sizes": self.net.sizes, "replicate": replicate}
        return self.net.init(np.random.default_rng(seed(self.root, "weights", **axes)))

    def order(self, replicate: str) -> int:
        """Seed of a replicate's data order."""
        return seed(self.root, "order", dataset=self.dataset, replicate=replicate)

    def score(self, theta: np.ndarray, part: str) -> np.ndarray:
        """Accuracy, or R^2 in a regression, of `theta: (R, P)` on a part; (R,)."""
        predicted = self.net.predict(theta, self.split.X[part])
        y = self.split.y[part]
        if self.split.task == "real":
            with np.errstate(over="ignore"):  # a diverged trial's score is -inf
                residual = ((predicted[:, :, 0] - y) ** 2).sum(axis=1)
            total = ((y - y.mean()) ** 2).sum()  # 0 where the part is constant, of which nothing is explained
            return np.asarray(1 - residual / total) if total else np.full(len(residual), np.nan)
        label = predicted.argmax(axis=2) if self.split.task == "classes" else predicted[:, :, 0] > 0.5
        right = (label == y) & np.isfinite(predicted).all(axis=2)
        return np.asarray(right.mean(axis=1))


def problem_of(cell: Cell, most: int | None = None) -> Problem:
    """The cell's problem; made once in a process and then shared by its cells. most: training rows, drawn
    where there are more; None for all of them."""
    protocol = cell.protocol
    return _problem(cell.dataset, cell.network, protocol.seed, protocol.precision, most, entries(cell))


def entries(cell: Cell) -> tuple[object, ...]:
    """What the registries have under the names of the cell's problem. What is made of it is kept by these
    too: a plugin that is loaded again, in a worker that stays, registers others under the same names."""
    data, network = DATASETS.get(cell.dataset.name), cell.network
    parts = (ACTIVATIONS.get(network.activation), LOSSES.get(network.loss))
    return (data and data.make, INITIALIZERS.get(network.initializer), *parts)


def least_squares(cell: Cell) -> bool:
    """Whether the cell's problem is linear least squares, of which theory knows most."""
    return not cell.network.hidden and LOSSES[loss_of(cell)].quadratic > 0


def loss_of(cell: Cell) -> str:
    """The name of the loss that the cell trains on: its network's, or that of its dataset's targets."""
    return cell.network.loss or LOSS[task_of(cell.dataset)]


def shape_of(cell: Cell) -> tuple[int, int]:
    """Training samples and parameters of the cell's problem, without training anything."""
    samples, net = _shape(cell.dataset, cell.network, cell.protocol.seed, entries(cell))
    return samples, net.size


def network_of(cell: Cell) -> Network:
    """The network that the cell trains, without training it."""
    return _shape(cell.dataset, cell.network, cell.protocol.seed, entries(cell))[1]


@lru_cache(maxsize=32)
def _shape(
    dataset: Choice, network: NetworkSpec, root: int, registered: tuple[object, ...]
) -> tuple[int, Network]:
    split = load(dataset, root)
    return len(split.y["train"]), _network(split, network)


@lru_cache(maxsize=32)
def _problem(
    dataset: Choice,
    network: NetworkSpec,
    root: int,
    precision: str,
    most: int | None,
    registered: tuple[object, ...],
) -> Problem:
    split = load(dataset, root)
    if most is not None and most < len(split.y["train"]):
        split = _sampled(split, most, seed(root, "sample", dataset=dataset.identity))
    net = _network(split, network)
    parts = {name: net.data(split.X[name], split.y[name], precision) for name in split.X}
    best = _best_loss(net, split, root, dataset.identity)
    return Problem(net, split, parts, best, root, dataset.identity)


def _sampled(split: Split, most: int, drawn: int) -> Split:
    rows = np.sort(np.random.default_rng(drawn).choice(len(split.y["train"]), most, replace=False))
    X, y = ({**part, "train": part["train"][rows]} for part in (split.X, split.y))
    return Split(X, y, split.task)


def _network(split: Split, network: NetworkSpec) -> Network:
    sizes = (split.features, *network.hidden, split.outputs)
    return Network(sizes, network.activation, network.loss or LOSS[split.task], network.initializer)


def _best_loss(net: Network, split: Split, root: int, dataset: str) -> float:
    X, y = split.X["train"], split.y["train"]
    if len(net.sizes) == 2 and LOSSES[net.loss].least_squares:
        return float(net.loss_and_grad(_optimum(_rows(X), y), X, y)[0])
    return min(_minimum(net, X, y, seed(root, "reference", dataset=dataset, start=i)) for i in _starts(net))


def _least_squares(net: Network) -> bool:
    return len(net.sizes) == 2 and LOSSES[net.loss].quadratic > 0


def _rows(X: np.ndarray) -> np.ndarray:
    """X (n, d) with a column of ones for the bias."""
    return np.hstack([X, np.ones((len(X), 1))])


def _optimum(rows: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.lstsq(rows, y, rcond=None)[0])


def _penalized(rows: np.ndarray, y: np.ndarray, weight_decay: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows and targets of plain least squares that is the same as the penalized one: ridge regression."""
    n, P = rows.shape
    return np.vstack([rows, np.sqrt(n * weight_decay) * np.eye(P)]), np.concatenate([y, np.zeros(P)])


def _starts(net: Network) -> range:
    """Where the loss is convex in the parameters one start is enough."""
    return range(1 if len(net.sizes) == 2 and LOSSES[net.loss].convex else REFERENCE_STARTS)


def _minimum(net: Network, X: np.ndarray, y: np.ndarray, start: int) -> float:
    def loss_and_grad(theta: np.ndarray) -> tuple[float, np.ndarray]:
        loss, grad = net.loss_and_grad(theta, X, y)
        return float(loss), grad

    optimum = optimize.minimize(
        loss_and_grad,
        net.init(np.random.default_rng(start)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": REFERENCE_ITERATIONS, "ftol": 0, "gtol": 1e-9},
    )
    return float(optimum.fun)
