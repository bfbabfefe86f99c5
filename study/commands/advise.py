"""Which learning rate to take for a dataset and a network, and why, without a whole study.

Theory comes first (study.phases.theory). On least squares with full batches it knows the rate that contracts
fastest: 2 / (smallest + largest curvature) for gradient descent. Everywhere else that it knows a limit,
half of it is recommended, since in a network the curvature changes. With random batches it is half of the
mean-square limit where that is the lower one: between the two single runs shrink, but with large
excursions. Then a short probe trains a few starts at rates about that, all in one stack: it may only lower
the recommendation. Where theory knows no limit, the probe's best rate is the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from overshoot.core import ACTIVATIONS, LOSSES, OPTIMIZERS, BatchStrategy, smallest_eigenvalue, train
from overshoot.core.names import suggest
from overshoot.core.optimizers.base import Recursion
from overshoot.study.experiment.cells import Cell, Choice, NetworkSpec, Protocol, Rates
from overshoot.study.experiment.reader import SpecError
from overshoot.study.findings.codes import BASES, BASIS_NAMES, no_limit
from overshoot.study.late import Late
from overshoot.study.numbers import fixed, number
from overshoot.study.phases.stack import EXPLOSION
from overshoot.study.phases.sweep import SweepSettings
from overshoot.study.phases.theory import LimitBasis, Prediction, predict, sharpness_at_starts
from overshoot.study.problems.datasets import DATASETS, columns_of, located, ready, train_size
from overshoot.study.problems.problem import Problem, least_squares, problem_of
from overshoot.study.problems.registry import of_file

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = Late("scipy.optimize")

UPDATES = 100
"""Of the probe: enough to see what diverges, far too few to see what is best in the end."""

EVALUATIONS = 20
STARTS = 2
SEQUENCES = 2
"""Of batches, for a limit: the recommendation is far enough below it."""

PER_DECADE = 4
BELOW, ABOVE = 2.0, 1.0
"""Decades about a known limit that are probed."""

CLOSED = 1e-3
"""A gap below which there is nothing to choose."""

WORSE = 2.0
"""Times the gap of its best, lower rate: where the probe overrules theory."""

MOST = 4096
"""Training rows of a network that count, drawn at random where there are more, so that the answer comes in
seconds. Least squares has all of them: its limits are exact."""

EQUAL = 1e-9
"""Between two factors of contraction that count as one."""

BISECTIONS = 60

DIVERGES = 1.01
"""A gap that has been this large and ends above its start counts as diverged."""


@dataclass(frozen=True)
class Probe:
    """rates: (G,) ascending. gap: (G,) what is left of the relative training gap, the worst start's mean
    over the last quarter of the evaluations, inf where one diverged."""

    rates: np.ndarray
    gap: np.ndarray

    @property
    def best(self) -> float | None:
        """The rate with the smallest gap; None where every rate diverged."""
        return float(self.rates[self.gap.argmin()]) if np.isfinite(self.gap).any() else None

    @property
    def breaks(self) -> float:
        """The lowest rate that diverged, of those above the best; inf where none did."""
        gone = self.rates[np.isinf(self.gap) & (self.rates > (self.best or 0))]
        return float(gone[0]) if len(gone) else np.inf

    def at(self, rate: float) -> float:
        """The gap at the probed rate nearest to `rate`."""
        return float(self.gap[np.abs(np.log(self.rates / rate)).argmin()])


@dataclass(frozen=True)
class Advice:
    """What is recommended for one optimizer and batch strategy.

    rate: None where every rate that was tried diverged. limit: the lowest rate that diverges, by theory
    on least squares or in the probe; inf where none does. why: the grounds for the rate.
    """

    cell: Cell
    prediction: Prediction
    probe: Probe
    rate: float | None
    limit: float
    why: str

    @property
    def margin(self) -> str:
        """Decades from the rate up to the limit, or to the highest rate tried where none broke."""
        if self.rate is None:
            return "–"
        if np.isinf(self.limit):
            return f"> {fixed(float(np.log10(self.probe.rates[-1] / self.rate)), 2)}"
        return fixed(float(np.log10(self.limit / self.rate)), 2)


def question(
    dataset: str,
    options: Mapping[str, Any] | None = None,
    hidden: Sequence[int] = (32,),
    activation: str = "relu",
    optimizers: Sequence[str] = ("sgd", "momentum", "adam"),
    batches: Sequence[str] = ("full", "32", "1"),
    seed: int = 0,
) -> list[Cell]:
    """The cells that advice is asked for: every optimizer with every batch strategy.

    dataset: a registered one's name, or the path of a file of one's own. options: of that, as an experiment
        has them; its `target` must be among them. batches: names as in results: "full", "32",
        "16 replacement", "16 fixed".

    Raises SpecError for names that are not known, batches larger than the training part, and files that
    cannot be learnt from.
    """
    chosen = _dataset(dataset, options or {}, seed)
    for name in optimizers:
        _known("--optimizers", name, OPTIMIZERS)
    _known("--activation", activation, ACTIVATIONS)
    strategies = [_strategy(name, train_size(chosen), dataset) for name in dict.fromkeys(batches)]
    network = NetworkSpec("network", tuple(hidden), activation, ACTIVATIONS[activation].initializer)
    protocol = Protocol(seed=seed, phases=(SweepSettings(STARTS),))
    return [
        Cell(chosen, network, Choice(name), strategy, Rates(*OPTIMIZERS[name].search), protocol)
        for name in dict.fromkeys(optimizers)
        for strategy in strategies
    ]


def advise(cell: Cell) -> Advice:
    """The advice for one cell; a probe of `UPDATES` updates is all that is trained."""
    with threadpool_limits(1):
        problem = problem_of(cell, counted(cell))
        prediction = predict(cell, problem, SEQUENCES)
        rate, grounds = _by_theory(cell, problem, prediction)
        probe = _probe(cell, problem, _around(prediction, rate, cell.rates))
    exact = prediction.basis == LimitBasis.EXACT and rate is not None and np.isfinite(probe.at(rate))
    if not exact:  # where theory is exact, so short a probe knows less than it
        rate, grounds = checked(rate, grounds, probe)
    certain = prediction.rate is not None and prediction.basis != LimitBasis.AT_THE_START
    limit = prediction.rate if certain and prediction.rate is not None else np.inf
    return Advice(cell, prediction, probe, rate, min(limit, probe.breaks), grounds)


def counted(cell: Cell) -> int | None:
    """The training rows that count at most; None where all do."""
    return None if least_squares(cell) else max(MOST, cell.strategy.size or 0)


def checked(rate: float | None, grounds: str, probe: Probe) -> tuple[float | None, str]:
    """What the probe leaves of theory's recommendation: the same or less."""
    if probe.best is None:
        return None, "every rate that the probe tried diverged"
    if rate is None:
        return probe.best, "best of the probe; no limit is known"
    if probe.best < rate and probe.at(rate) > WORSE * max(probe.at(probe.best), CLOSED):
        return probe.best, "best of the probe, which is lower than theory's"
    if rate >= probe.breaks:
        return probe.breaks / 2, f"half of {number(probe.breaks)}, where the probe diverged"
    return rate, grounds


def fastest(recursion: Recursion, low: float, high: float, limit: float) -> float:
    """The rate below `limit` at which a quadratic with curvatures from `low` to `high` contracts fastest.

    The slower of the two ends sets the speed. For gradient descent it is 2 / (low + high). Momentum
    contracts alike over a range of rates: of these it is the geometric mean of both ends, since close to the
    upper one a run swings far out before it shrinks.
    """

    def slowest(share: float) -> float:
        return float(recursion.multiplier(share * limit, [low, high]).max())

    optimum = optimize.minimize_scalar(slowest, bounds=(0, 1), method="bounded", options={"xatol": 1e-10})
    best = float(optimum.x)
    equal = float(optimum.fun) + EQUAL
    low_end = _boundary(lambda share: slowest(share) <= equal, best, 0.0)
    high_end = _boundary(lambda share: slowest(share) <= equal, best, 1.0)
    return float(np.sqrt(low_end * high_end)) * limit


def _boundary(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """The share farthest from `inside` towards `outside` at which `holds` still does."""
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside


def _by_theory(cell: Cell, problem: Problem, prediction: Prediction) -> tuple[float | None, str]:
    if prediction.rate is None:
        return None, ""
    recursion = cell.make_optimizer().recursion
    if prediction.mean_square is not None and prediction.mean_square < prediction.rate:
        return prediction.mean_square / 2, f"half of {number(prediction.mean_square)}, the mean-square limit"
    if prediction.basis != LimitBasis.EXACT or recursion is None:
        return prediction.rate / 2, "half of the stability limit"
    low, high = _curvatures(problem)
    rate = fastest(recursion, low, high, prediction.rate)
    if recursion == Recursion():
        return rate, f"fastest: 2 / ({number(low)} + {number(high)})"
    return rate, f"fastest on curvatures {number(low)} to {number(high)}"


def _curvatures(problem: Problem) -> tuple[float, float]:
    """The smallest that is not zero, and the largest, of least squares."""
    low = smallest_eigenvalue(problem.net, problem.start("sweep-0"), problem.exact)
    return float(low[0]), sharpness_at_starts(problem, 1)[0].value


def _around(prediction: Prediction, rate: float | None, rates: Rates) -> np.ndarray:
    """The rates to be probed, ascending, `rate` among them."""
    if prediction.rate is None or rate is None:
        decades = np.log10(rates.high / rates.low)
        return np.geomspace(rates.low, rates.high, round(decades * PER_DECADE) + 1)
    steps = np.arange(-BELOW * PER_DECADE, ABOVE * PER_DECADE + 1) / PER_DECADE
    return np.unique([*prediction.rate * 10**steps, rate])


def _probe(cell: Cell, problem: Problem, rates: np.ndarray) -> Probe:
    replicates = [f"sweep-{k}" for k in range(STARTS)]
    starts = np.stack([problem.start(replicate) for replicate in replicates for _ in rates])
    theta = starts.astype(cell.protocol.precision)
    initial = problem.net.evaluate(theta, problem.parts["train"]) - problem.best_loss
    trace = train(
        problem.net,
        cell.make_optimizer(lr=np.tile(rates, STARTS)),
        theta,
        problem.parts["train"],
        cell.strategy,
        [problem.order(replicate) for replicate in replicates for _ in rates],
        evaluate_at=[0],
        ceiling=problem.best_loss + EXPLOSION * initial,
        updates_at=[int(t) for t in np.linspace(0, UPDATES, EVALUATIONS + 1)],
    )
    gap = (trace.values["train_loss"] - problem.best_loss) / initial[:, None]
    end = gap[:, -EVALUATIONS // 4 :].mean(axis=1)
    lasted = trace.first_bad_step == 0
    lasted[lasted] = (end[lasted] < 1) | (gap[lasted].max(axis=1) <= DIVERGES)
    worst = np.where(lasted, end, np.inf).reshape(STARTS, -1).max(axis=0)
    return Probe(rates, worst)


def notes(advices: Sequence[Advice]) -> list[str]:
    """What the columns of the table mean, and its limitations, a sentence or two each."""
    first = advices[0].cell
    problem = problem_of(first, counted(first))
    X = problem.split.X["train"]
    said = [
        *conditions(first, problem),
        "Gap left: how much of the gap between the initial and the best known training loss is left after "
        f"a probe of {UPDATES} updates from {STARTS} starts; 1 is the start. So short a probe shows what "
        "diverges. It cannot show what is best in a long run, where noise and adaptive methods call for "
        "smaller rates.",
        "Margin: decades (factors of 10) from the rate to take up to the lowest rate that diverged, in "
        "theory or in the probe; 0.30 is a factor of 2. With > nothing diverged up to the highest rate "
        "probed.",
    ]
    if any(a.prediction.basis == LimitBasis.EXACT for a in advices):
        said.append(
            "Fastest: the rate that contracts fastest lies close below the stability limit where curvatures "
            "differ much. Half of it is safer, and takes gradient descent about twice as many updates."
        )
    said += [
        f'Limit known from "{BASIS_NAMES[basis]}": {BASES[basis]}.'
        for basis in dict.fromkeys(a.prediction.basis for a in advices)
    ]
    whys = [
        no_limit(a.prediction.missing, a.cell.make_optimizer().label) for a in advices if a.prediction.missing
    ]
    said += [f"{why[0].upper()}{why[1:]}." for why in dict.fromkeys(whys)]
    constant = int((np.ptp(X, axis=0) == 0).sum())
    if constant:
        said.append(
            f"{constant} of {X.shape[1]} inputs are constant in the training part and have no effect."
        )
    rank = int(np.linalg.matrix_rank(problem.exact.rows[0]))
    if least_squares(first) and rank < problem.net.size:
        said.append(
            f"The inputs span {rank} of {problem.net.size} directions. Along the others nothing moves, so "
            "the smallest curvature is the smallest one above zero."
        )
    return said


def conditions(cell: Cell, problem: Problem) -> list[str]:
    """What the rates hold for: loss, scaling and the rows that counted. With others they can blow up."""
    loss, rows = problem.net.loss, len(problem.split.y["train"])
    every = train_size(cell.dataset)
    of = (
        f"all {rows:,} training rows"
        if rows == every
        else f"{rows:,} of {every:,} training rows, drawn at random"
    )
    said = f"These rates hold for {LOSSES[loss].label}, data scaled as said above, and {of}."
    if loss != "half_mse":
        return [said]
    return [
        said,
        "Half MSE is the mean of (prediction - target)^2 / 2. For plain MSE, without the 2, curvatures are "
        "twice as large: rates and limits of gradient descent and momentum are half of these; methods that "
        "divide by the size of the gradients keep theirs.",
    ]


def _dataset(name: str, options: Mapping[str, Any], seed: int) -> Choice:
    file = name not in DATASETS and (Path(name).suffix != "" or Path(name).exists())
    if not file:
        known = [key for key, entry in DATASETS.items() if not entry.own]
        if name not in known:
            allowed = f"a file of your own or one of {', '.join(known)}"
            raise SpecError(f"dataset: expected {allowed}, got {name!r}{suggest(name, known)}")
        if options:
            flag = "--" + next(iter(options)).replace("_", "-")
            raise SpecError(f"{flag}: only a file of your own needs it; {name} is known")
        return Choice(name)
    try:
        return _own(name, options, seed)
    except ValueError as error:
        raise SpecError(str(error)) from None


def _own(path: str, options: Mapping[str, Any], seed: int) -> Choice:
    kind = of_file(Path(path).suffix)
    if "target" not in options:
        columns = ", ".join(columns_of(located(Choice(kind, (("path", path),)), Path())))
        raise ValueError(f"{path}: --target is missing: name the column to predict (columns: {columns})")
    return ready(Choice(kind, tuple(sorted({**options, "path": path}.items()))), Path(), seed)


def _known(place: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise SpecError(f"{place}: expected one of {', '.join(names)}, got {name!r}{suggest(name, names)}")


def _strategy(name: str, samples: int, dataset: str) -> BatchStrategy:
    try:
        strategy = BatchStrategy.named(name)
    except ValueError:
        raise SpecError(
            '--batches: expected "full", a number of samples, or a number and an order such as '
            f'"16 replacement" or "16 fixed", got {name!r}'
        ) from None
    if strategy.size is not None and strategy.size > samples:
        raise SpecError(
            f"--batches: expected at most the {samples} training samples of {dataset}, got {name!r}"
        )
    return strategy
