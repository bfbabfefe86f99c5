"""The numbers of a report's summary, recomputed from the stored curves by other means than the report's.

Nothing of study.analysis or study.statistics is used: what a run did is read from its curve, and statistics
are written out here once more, plainly. Of a trial only its labels are believed (phase, rate, replicate, the
update at which it blew up), of a cell which rates were tuned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy import optimize, stats

from overshoot.study.tracking import StoredCell

TOLERANCE, RESOLUTION, TARGET = 0.1, 1e-6, 0.1
CELL = ["problem", "optimizer", "batch"]


@dataclass(frozen=True)
class Audit:
    """Everything recomputed: a row a run, for each cell its facts, and a row a run whose sharpness was
    followed."""

    runs: pd.DataFrame
    cells: pd.DataFrame
    edge: pd.DataFrame

    @property
    def swept(self) -> pd.DataFrame:
        return self.runs[self.runs["phase"] == "sweep"]

    def at_rate(self, column: str) -> pd.DataFrame:
        """The confirmed runs at the rate that a cell has in this column."""
        runs = self.runs[self.runs["phase"] == "confirm"]
        rates = self.cells.set_index(CELL)[column]
        wanted = [rates[tuple(key)] for key in runs[CELL].to_numpy()]
        return runs[runs["rate"].to_numpy() == np.array(wanted, dtype=float)]


def audit(cells: Sequence[StoredCell]) -> Audit:
    """What the stored curves say."""
    runs = pd.DataFrame([run for cell in cells for run in _runs(cell)])
    facts = [
        dict(zip(CELL, _axes(cell), strict=True))
        | cell.summary.flat()
        | {"tolerance": cell.cell.protocol.tolerance}
        for cell in cells
    ]
    edge = pd.DataFrame([run for cell in cells for run in _followed(cell)])
    return Audit(runs, pd.DataFrame(facts), edge)


def _followed(cell: StoredCell) -> Iterator[dict[str, object]]:
    """Of each followed run its sharpness over the line, at first, at most, and in the median over the last
    half of training, and whether it diverged."""
    best = cell.summary.flat()["best_known_loss"]
    for trial in cell.trials[cell.trials["phase"] == "edge"].to_dict("records"):
        curve = cell.curves[cell.curves["trial"] == trial["trial"]].sort_values("update")
        q = ((curve["train_loss"] - best) / (curve["train_loss"].iloc[0] - best)).to_numpy()
        line = (2 if cell.tags["optimizer"] == "sgd" else 38) / trial["rate"]
        known = curve[curve["sharpness"] > 0]
        ratio, update = (known["sharpness"] / line).to_numpy(), known["update"].to_numpy()
        yield dict(zip(CELL, _axes(cell), strict=True)) | {
            "gone": bool(trial["first_bad_step"]) or _ended_badly(q),
            "start": ratio[0],
            "largest": ratio.max(),
            "late": float(np.median(ratio[update >= update.max() / 2])),
        }


def _axes(cell: StoredCell) -> tuple[str, str, str]:
    return f"{cell.tags['dataset']}/{cell.tags['network']}", cell.tags["optimizer"], cell.tags["batch"]


def _runs(cell: StoredCell) -> Iterator[dict[str, object]]:
    facts = cell.summary.flat()
    samples, evaluations = facts["training_samples"], cell.cell.protocol.budget.evaluations
    an_epoch = -(-samples // (cell.cell.strategy.size or samples))
    curves = {int(str(i)): at.sort_values("update") for i, at in cell.curves.groupby("trial")}
    for trial in cell.trials.to_dict("records"):
        if trial["phase"] == "edge":
            continue
        curve = curves[trial["trial"]]
        # Limits are watched for longer where they are known; of two parameters there are points between.
        epochs = facts["epochs"] if trial["phase"] != "limit" else curve["update"].iloc[-1] / an_epoch
        updates = np.unique(np.round(np.linspace(0, epochs, evaluations + 1))) * an_epoch
        on = curve[curve["update"].isin(updates)] if not trial["first_bad_step"] else curve
        q = (
            (on["train_loss"] - facts["best_known_loss"])
            / (on["train_loss"].iloc[0] - facts["best_known_loss"])
        ).to_numpy()
        gone = bool(trial["first_bad_step"]) or _ended_badly(q)
        late = np.flatnonzero(~(q <= TARGET))
        reached = 0 if not len(late) else late[-1] + 1
        yield dict(zip(CELL, _axes(cell), strict=True)) | {
            "phase": trial["phase"],
            "rate": trial["rate"],
            "replicate": trial["replicate"],
            "role": trial["role"],
            "noise_floor": trial["noise_floor"],
            "settled_gap": float(q[on["update"].to_numpy() >= on["update"].max() / 2].mean()),
            "trial": trial["trial"],
            "updates": trial["updates"],
            "start": float(on["validation_loss"].iloc[0]),
            "hit_updates": np.inf if gone or reached >= len(q) else float(on["update"].iloc[reached]),
            "gone": gone,
            "left": bool(trial["first_bad_step"]),
            "peak": np.inf if trial["first_bad_step"] else float(q.max()),
            "end": np.inf if trial["first_bad_step"] else float(np.median(q[-_end(len(q)) :])),
            "gap": np.inf if gone else float(np.median(q[-_end(len(q)) :])),
            "converged": not gone and bool((q[-_end(len(q)) :] <= TOLERANCE).all()),
            "examples": np.inf if gone or reached >= len(q) else float(on["examples"].iloc[reached]),
            "loss": np.inf if gone else float(np.median(on["validation_loss"].iloc[-_end(len(q)) :])),
            "score": -np.inf if gone else trial["test_score"],
        }


def _end(evaluations: int) -> int:
    return max(3, int(np.ceil(evaluations / 10)))


def _ended_badly(q: np.ndarray) -> bool:
    """Above its start after an excursion, or still growing: a doubling over the last quarter in a steady
    rise, to more than twice its least."""
    end = float(np.median(q[-_end(len(q)) :]))
    if end >= 1 and q.max() > 1.01:
        return True
    tail = np.log(np.maximum(q[-max(4, len(q) // 4) :], 1e-300))
    pairs = list(combinations(range(len(tail)), 2))
    slope = np.median([(tail[j] - tail[i]) / (j - i) for i, j in pairs])
    steady = np.mean([np.sign(tail[j] - tail[i]) for i, j in pairs]) >= 0.8
    return bool(end > 0.1 and end > 2 * q.min() and steady and slope * len(tail) > np.log(2))


def middle_half(values: Sequence[float]) -> float:
    """Interquartile mean."""
    ordered = sorted(values)
    cut = len(ordered) // 4
    return float(np.mean(ordered[cut : len(ordered) - cut]))


def beats(a: np.ndarray, b: np.ndarray) -> float:
    """The share of pairs in which a is lower, ties half."""
    return float(np.mean([(x < y) + 0.5 * (x == y) for x, y in product(a, b)]))


def newcombe(value: float, n: int, m: int, strata: int = 1) -> tuple[float, float]:
    """Newcombe's (2006) method 5 for a Mann-Whitney probability."""

    def z(p: float) -> float:
        more = 1 + ((n + m) / 2 - 1) * ((1 - p) / (2 - p) + p / (1 + p))
        return float((value - p) / np.sqrt(p * (1 - p) * more / (n * m * strata)))

    border = stats.norm.ppf(0.975)
    low = optimize.brentq(lambda p: z(p) - border, 1e-9, min(value, 1 - 1e-9)) if value > 1e-6 else 0.0
    high = optimize.brentq(lambda p: z(p) + border, max(value, 1e-9), 1 - 1e-9) if value < 1 - 1e-6 else 1.0
    return low, high


def verdict(a: np.ndarray, b: np.ndarray) -> str:
    """Of a against b, lower is better."""
    low, high = newcombe(beats(a, b), len(a), len(b))
    return "better" if low > 0.5 else "worse" if high < 0.5 else "unclear"


NUMBER = re.compile(r"−?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|−?\d[\d,]*(?:\.\d+)?(?:·10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def numbers(text: str) -> list[tuple[str, float, float]]:
    """The numbers of a sentence: as written, their value, and half a unit of their last digit."""
    found = []
    for match in NUMBER.finditer(text):
        written = match.group().replace(",", "").replace("−", "-")
        mantissa, _, power = written.partition("·10")
        if re.fullmatch(r"-?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", written):
            mantissa, power = "1", written.lstrip("-")[2:]
        scale = 10.0 ** int(power.translate(RAISED)) if power else 1.0
        decimals = len(mantissa.partition(".")[2])
        found.append((match.group(), float(mantissa) * scale, 0.5 * scale * 10.0**-decimals))
    return found


def unexplained(text: str, points: Sequence[float], ends: Sequence[tuple[float, float]] = ()) -> list[str]:
    """The numbers of a sentence that are none of the `points`, to the digits written, and lie within none of
    the `ends`."""
    spans = [*((one, one) for one in points if np.isfinite(one)), *ends]

    def known(value: float, half: float) -> bool:
        return any(low - 1.02 * half <= value <= high + 1.02 * half for low, high in spans)

    return [written for written, value, half in numbers(text) if not known(value, half)]
