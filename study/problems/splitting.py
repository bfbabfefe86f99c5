"""Raw data -> three parts, scaled: 60 % train, 20 % validation, 20 % test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from overshoot.study.late import Late
from overshoot.study.problems.columns import Raw

if TYPE_CHECKING:
    from sklearn import model_selection
else:
    model_selection = Late("sklearn.model_selection")

LARGEST = 1e15
"""What a scaled value may be at most: float32 squares it, and sums the squares."""


class Scaler(Protocol):
    def fit(self, X: np.ndarray) -> Scaler: ...

    def transform(self, X: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Split:
    """Train, validation and test parts. X: (n, d) float64; y: (n,) class numbers or scaled values."""

    X: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    task: str

    @property
    def features(self) -> int:
        return int(self.X["train"].shape[1])

    @property
    def outputs(self) -> int:
        """Units of the output layer: one for each class, or one."""
        return int(max(part.max() for part in self.y.values())) + 1 if self.task == "classes" else 1


class Standard:
    """Mean 0 and deviation 1 on the training rows, of numbers of any size.

    Each column is first brought below 1 by a power of 2, which is exact, and its first value subtracted:
    of ids with 16 digits, or of values about 1e200, nothing is lost then. A column that is constant on the
    training rows is 0 everywhere; missing values are filled in with the mean.
    """

    def fit(self, X: np.ndarray) -> Standard:
        """X: (n, d) with NaN where a value is missing."""
        known = ~np.isnan(X)
        largest = np.where(known, np.abs(X), 0).max(axis=0)
        self.exponent = np.frexp(largest)[1]
        self.first = np.ldexp(
            np.where(known.any(axis=0), X[known.argmax(axis=0), np.arange(X.shape[1])], 0), -self.exponent
        )
        shifted = self._shifted(X)
        count = np.maximum(known.sum(axis=0), 1)
        self.mean = np.where(known, shifted, 0).sum(axis=0) / count
        self.deviation = np.sqrt((np.where(known, shifted - self.mean, 0) ** 2).sum(axis=0) / count)
        self.constant = ~((shifted != 0) & known).any(axis=0)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """(n, d), infinite where a value is beyond all bounds of the training rows'."""
        scaled = (self._shifted(X) - self.mean) / np.where(self.constant, 1, self.deviation)
        return np.asarray(np.where(self.constant | np.isnan(X), 0, scaled))

    def _shifted(self, X: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.asarray(np.ldexp(X, -self.exponent) - self.first)


class Unscaled:
    """As they are; missing values are filled in with the mean of the training rows."""

    def fit(self, X: np.ndarray) -> Unscaled:
        known = ~np.isnan(X)
        self.mean = np.where(known, X, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return np.asarray(np.where(np.isnan(X), self.mean, X))


SCALERS: dict[str, Callable[[], Scaler]] = {"standard": Standard, "none": Unscaled}


def parts_of(raw: Raw, task: str, seeds: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The rows of "train", "validation" and "test", ascending.

    Classes are split in proportion. seeds: of the parts "test" and "validation", below 2**32.
    """
    n = len(raw.y)
    strata = None if task == "real" else raw.y
    rest, test = model_selection.train_test_split(
        np.arange(n), test_size=0.2, stratify=strata, random_state=seeds["test"]
    )
    train, validation = model_selection.train_test_split(
        rest,
        test_size=0.25,
        stratify=None if strata is None else strata[rest],
        random_state=seeds["validation"],
    )
    return {"train": np.sort(train), "validation": np.sort(validation), "test": np.sort(test)}


TARGET_MEAN = 1.0
"""What standardised targets of a regression have as their mean, with a deviation of 1.

About 0, and on centred inputs, the bias of a linear model is right from the start, and all that is left of
its gradient is rounding, 1e-8: methods that divide gradients by their size follow that at the full rate, in
whatever direction it points on this processor.
"""


def train_rows(n: int) -> int:
    """Training samples of n."""
    rest = n - int(np.ceil(0.2 * n))
    return rest - int(np.ceil(0.25 * rest))


def split_with(raw: Raw, parts: Mapping[str, np.ndarray], task: str, scaler: Scaler) -> Split:
    """The parts of a registered dataset: inputs by its scaler, the targets of a regression standardised,
    both fitted on the training part alone."""
    X = {name: raw.X[rows] for name, rows in parts.items()}
    y = {name: raw.y[rows] for name, rows in parts.items()}
    scaler = scaler.fit(X["train"])
    X = {name: scaler.transform(part) for name, part in X.items()}
    if task == "real":
        mean, deviation = y["train"].mean(), y["train"].std()
        y = {name: (part - mean) / deviation + TARGET_MEAN for name, part in y.items()}
    return Split(X, y, task)


def split_own(raw: Raw, parts: Mapping[str, np.ndarray], source: str) -> Split:
    """The parts of somebody's own data, scaled as they are asked to be and checked after that.

    ValueError, which `source` begins, where inputs or target are constant on the training rows, or a value
    is too large to train on.
    """
    X = _scaled(SCALERS[raw.scaling[0]](), raw.X, parts)
    y = {name: raw.y[rows] for name, rows in parts.items()}
    if raw.task == "real":
        shift = TARGET_MEAN if raw.scaling[1] == "standard" else 0.0
        scaled = _scaled(SCALERS[raw.scaling[1]](), raw.y[:, None], parts)
        y = {name: values[:, 0] + shift for name, values in scaled.items()}
    split, train = Split(X, y, raw.task), f"the {len(parts['train'])} training rows"
    for what, values in (("the target", y["train"][:, None]), ("every input", X["train"])):
        if not (values != values[:1]).any():
            raise ValueError(
                f"{source}: {what} is constant in {train}, so there is nothing to learn: another seed splits "
                "otherwise"
            )
    for name in parts:
        _check_size(source, raw.inputs, X[name], name, raw.scaling[0])
        if raw.task == "real":
            _check_size(source, ("the target",), y[name][:, None], name, raw.scaling[1])
    return split


def constant_inputs(split: Split) -> list[int]:
    """The inputs that are constant in the training part, and take no part."""
    train = split.X["train"]
    return np.flatnonzero(~(train != train[:1]).any(axis=0)).tolist()


def _scaled(scaler: Scaler, X: np.ndarray, parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    fitted = scaler.fit(X[parts["train"]])
    return {name: fitted.transform(X[rows]) for name, rows in parts.items()}


def _check_size(source: str, names: tuple[str, ...], values: np.ndarray, part: str, scaling: str) -> None:
    large = ~(np.abs(values) <= LARGEST)
    if not large.any():
        return
    row, i = np.argwhere(large)[0]
    name = f"{names[i]!r}" if names[i] != "the target" else names[i]
    if scaling == "none":
        raise ValueError(
            f"{source}: {name} has {values[row, i]:.3g}, too large to train on unscaled: standardise it"
        )
    raise ValueError(
        f"{source}: {name} has a {part} value {values[row, i]:.2g} deviations from the training rows' mean: "
        "is it an outlier? Correct it, or leave its row out"
    )
