"""Which learning rate to take for a dataset and a network, and why, without a whole study.

On least squares with full batches theory knows the rate that contracts fastest (study.commands.fastest).
Elsewhere the rate comes from practice, a tenth of a training, below half of the stability limit
(study.commands.practice), which theory knows on least squares and a short run forecasts on networks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from overshoot.core import ACTIVATIONS, LOSSES, OPTIMIZERS, BatchStrategy
from overshoot.core.names import suggest
from overshoot.study.commands.fastest import fastest_rate
from overshoot.study.commands.other_samples import RISK, safe_share
from overshoot.study.commands.practice import (
    ALIKE,
    BELOW,
    REPLICATES,
    KnownLimit,
    Practice,
    forecast,
    practise,
)
from overshoot.study.experiment.cells import Cell, Choice, NetworkSpec, Protocol, Rates
from overshoot.study.experiment.reader import SpecError
from overshoot.study.findings.codes import BASES, BASIS_NAMES
from overshoot.study.numbers import fixed, listing, number, percent
from overshoot.study.phases.short_run import SHORT_RUN
from overshoot.study.phases.sweep import SweepSettings
from overshoot.study.phases.theory import LimitBasis, Prediction, predict
from overshoot.study.problems.datasets import DATASETS, columns_of, located, ready, train_size
from overshoot.study.problems.problem import Problem, least_squares, problem_of
from overshoot.study.problems.registry import of_file

SEQUENCES = 2
"""Of batches, for a limit: the recommendation is far enough below it."""

MOST = 4096
"""Training rows of a network that count, drawn at random where there are more, so that the answer comes in
seconds. Least squares has all of them: its limits are exact."""


@dataclass(frozen=True)
class Advice:
    """What is recommended for one optimizer and batch strategy.

    limit: from where on runs diverge; None where nothing diverged. practice: what the rate rests on, or shows
    how far it leads. rate: the one to take; None where every rate that was tried diverged. why: in words.
    """

    cell: Cell
    prediction: Prediction
    limit: KnownLimit | None
    practice: Practice
    rate: float | None
    why: str

    @property
    def margin(self) -> str:
        """Decades from the rate up to the least that the limit may be, or to the highest rate tried where
        there is none."""
        if self.rate is None:
            return "–"
        if self.limit is None:
            return f"> {fixed(float(np.log10(self.practice.rates[-1] / self.rate)), 2)}"
        return fixed(float(np.log10(self.limit.low / self.rate)), 2)


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
    protocol = Protocol(seed=seed, phases=(SweepSettings(REPLICATES),))
    return [
        Cell(chosen, network, Choice(name), strategy, Rates(*OPTIMIZERS[name].search), protocol)
        for name in dict.fromkeys(optimizers)
        for strategy in strategies
    ]


def advise(cell: Cell) -> Advice:
    """The advice for one cell; a tenth of a training, at some dozens of rates, is all that is run."""
    with threadpool_limits(1):
        problem = problem_of(cell, counted(cell))
        prediction = predict(cell, problem, SEQUENCES)
        if prediction.rate is not None and prediction.basis == LimitBasis.EXACT:
            rate, why = fastest_rate(cell, problem, prediction.rate)
            practice = practise(cell, problem, rate)
            return Advice(cell, prediction, _by_theory(prediction), practice, rate, why)
        limit = _by_theory(prediction) or forecast(cell, problem)
        share = safe_share(problem, cell.strategy)
        practice = practise(cell, problem, None if limit is None else _bearable(prediction, limit, share))
    return Advice(cell, prediction, limit, practice, practice.rate, practice.why)


def _by_theory(prediction: Prediction) -> KnownLimit | None:
    """Theory's limit; None where it knows none, or only the curvature at the start."""
    rate, interval = prediction.rate, prediction.interval
    if rate is None or prediction.basis == LimitBasis.AT_THE_START:
        return None
    low, high = (rate, rate) if interval is None else (interval.low, interval.high)
    return KnownLimit(rate, low, high, BASIS_NAMES[prediction.basis])


def _bearable(prediction: Prediction, limit: KnownLimit, share: float) -> float:
    """The highest rate to try: half of what other samples of the rows bear as well.

    With random batches it is below half of the mean-square limit too: between the two single runs shrink, but
    with large excursions.
    """
    square = np.inf if prediction.mean_square is None else prediction.mean_square
    return share * float(min(limit.low, square)) / BELOW


def counted(cell: Cell) -> int | None:
    """The training rows that count at most; None where all do."""
    return None if least_squares(cell) else max(MOST, cell.strategy.size or 0)


def notes(advices: Sequence[Advice]) -> list[str]:
    """What the columns of the table mean, and its limitations, a sentence or two each."""
    first = advices[0].cell
    problem = problem_of(first, counted(first))
    X = problem.split.X["train"]
    said = [
        *conditions(first, problem),
        "Gap left: how much of the gap between the initial and the best known training loss is left when "
        "the updates that were tried are done; 1 is the start.",
        "Margin: decades (factors of 10) from the rate to take up to the stability limit, or the lowest rate "
        "that diverged when tried; 0.30 is a factor of 2. A > means that no rate that was tried diverged.",
        *_practised(advices),
    ]
    if any(a.prediction.basis == LimitBasis.EXACT for a in advices):
        said.append(
            "Fastest: the rate that contracts fastest lies close below the stability limit where curvatures "
            "differ much. Other samples of the same rows have other limits, so it is taken only where at "
            f"most {percent(RISK)} of them lie below it."
        )
    said += [
        f'Limit known from "{BASIS_NAMES[basis]}": {BASES[basis]}.'
        for basis in dict.fromkeys(a.prediction.basis for a in advices if _by_theory(a.prediction))
    ]
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


def _practised(advices: Sequence[Advice]) -> list[str]:
    """How rates were found that come from practice, where any do."""
    practised = [a.practice for a in advices if a.prediction.basis != LimitBasis.EXACT]
    each = list(dict.fromkeys(f"{p.updates:,} of {p.whole:,} updates" for p in practised))
    said = []
    if any(a.limit is not None and a.limit.basis == SHORT_RUN for a in advices):
        said.append(
            f'Limit known from "{SHORT_RUN}": short runs at ever larger rates, each a small part of a '
            "training. The limit is the lowest rate at which such a run does not lower the loss: the median "
            "over several starts, with the lowest and the highest of them. With adaptive methods the median "
            "is extended to the whole training, and the lowest is what a short run itself bears. Curvature "
            "changes during training, so a longer training may bear more, or less."
        )
    if practised:
        said.append(
            "Middle of a range: rates up to half of what this and most other samples of the same rows bear "
            f"were tried for a short part of a training ({listing(each)}). Those in the range bring the loss "
            f"about equally far in that time, to a factor of {number(ALIKE)}. A training much longer, or one "
            "that should end below the noise floor of small batches, needs a smaller rate, or a schedule."
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
