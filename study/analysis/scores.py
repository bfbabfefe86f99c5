"""How well the tuned and the default rate do on the fresh replicates of the confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import AXES, Study, in_order
from overshoot.study.comparison import Comparison, clustered
from overshoot.study.phases.best_rates import RESOLUTION
from overshoot.study.phases.confirm import ConfirmRole
from overshoot.study.phases.search import Claim
from overshoot.study.statistics import (
    Interval,
    bootstrap,
    critical_distance,
    friedman,
    improvement,
    independent_strata,
    mean,
    mean_ranks,
)

ROLES = (ConfirmRole.TUNED, ConfirmRole.DEFAULT)
SCORES = ("gap", "loss", "score", "test_loss", "test_score")
Replicates = Mapping[tuple[str, str, str, str], np.ndarray]
"""(problem, optimizer, batch, role) -> the scores (n,) of its replicates; lower is better."""


def performance(study: Study) -> pd.DataFrame:
    """A row for each claim, cell and role (tuned for that claim, default): its rate, n replicates, how many
    diverged, and for each of SCORES an Interval, the interquartile mean with its bootstrap interval."""
    rows = [
        {"claim": claim, **dict(zip([*AXES, "role"], key, strict=True))}
        | {"rate": group["rate"].iloc[0], "n": len(group), "diverged": int(group["diverged"].sum())}
        | {name: _interval(tuple(group[name])) for name in SCORES}
        for claim in Claim
        for key, group in study.confirmed[claim].groupby([*AXES, "role"], sort=False)
    ]
    return in_order(pd.DataFrame(rows), study.names)


@lru_cache(maxsize=20_000)
def _interval(scores: tuple[float, ...]) -> Interval:
    """Of the same runs once: the default rate is the same for every claim, and the tuned one often is."""
    return bootstrap(np.array(scores))


def replicates(study: Study, score: str) -> Replicates:
    """The confirmed scores, lower is better: `gap` (no finer than RESOLUTION), or a score negated. The gap is
    that at the rate tuned for training, every other score that at the rate tuned for validation."""
    claim = Claim.TRAINING if score == "gap" else Claim.VALIDATION
    confirmed = study.confirmed[claim].sort_values("replicate", kind="stable")
    sign = -1.0 if score.endswith("score") else 1.0
    groups = confirmed.groupby([*AXES, "role"], sort=False)[score]
    scores = {
        (str(problem), str(optimizer), str(batch), str(role)): sign * values.to_numpy()
        for (problem, optimizer, batch, role), values in groups
    }
    if score == "gap":
        scores = {key: np.maximum(values, RESOLUTION) for key, values in scores.items()}
    return scores


def odds(scores: Replicates, a: str, b: str) -> Comparison | None:
    """Probability that tuned `a` does better than tuned `b`, each pair of cells counted once; None without
    any."""
    return chances(
        [
            (problem, values, scores[problem, b, batch, role])
            for (problem, optimizer, batch, role), values in scores.items()
            if optimizer == a and role == ConfirmRole.TUNED and (problem, b, batch, role) in scores
        ]
    )


def tuning_odds(scores: Replicates) -> Comparison | None:
    """Probability that the tuned rate does better than the default one, each cell counted once."""
    return chances(
        [
            (problem, values, scores[problem, optimizer, batch, ConfirmRole.DEFAULT])
            for (problem, optimizer, batch, role), values in scores.items()
            if role == ConfirmRole.TUNED and (problem, optimizer, batch, ConfirmRole.DEFAULT) in scores
        ]
    )


def chances(pairs: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> Comparison | None:
    """Probability that ours is lower than theirs, over (problem, ours, theirs), each of a cell's replicates
    in order; None without any. Cells of a problem share their replicates."""
    if not pairs:
        return None
    names, ours, theirs = zip(*pairs, strict=True)
    a, b = np.stack(ours), np.stack(theirs)
    problems = np.array([str(name) for name in names])
    whole = improvement(a, b, independent=independent_strata(a, b, problems))
    each = np.array([improvement(x, y).value for x, y in zip(a, b, strict=True)])
    return Comparison(whole.value, whole, clustered(each, problems, mean, border=0.5))


class DuelVerdict(StrEnum):
    """What one of two clearly did; UNCLEAR where there is no clear difference."""

    BETTER = "better"
    WORSE = "worse"
    UNCLEAR = "unclear"


def verdict(interval: Interval) -> DuelVerdict:
    """Whether a probability of improvement is clearly above or below one half."""
    if not interval.excludes(0.5):
        return DuelVerdict.UNCLEAR
    return DuelVerdict.BETTER if interval.value > 0.5 else DuelVerdict.WORSE


def verdicts(judged: pd.Series) -> dict[str, int]:
    """How many there are of each verdict."""
    return {each.value: int((judged == each).sum()) for each in DuelVerdict}


def duels(study: Study, scores: Replicates) -> pd.DataFrame:
    """A row for each problem, batch strategy and pair of tuned optimizers: the probability that `a` does
    better than `b`, as an Interval, and the verdict on `a`."""
    rows = []
    for problem in study.names.problems:
        for batch in study.names.batches:
            tuned = {
                o: scores[key]
                for o in study.names.optimizers
                if (key := (problem, o, batch, ConfirmRole.TUNED)) in scores
            }
            for a, b in combinations(tuned, 2):
                chance = improvement(tuned[a], tuned[b])
                rows.append(_duel(problem, batch, a, b, chance))
    return pd.DataFrame(rows, columns=["problem", "batch", "a", "b", "chance", "verdict"])


def _duel(problem: str, batch: str, a: str, b: str, chance: Interval) -> dict[str, object]:
    return {"problem": problem, "batch": batch, "a": a, "b": b, "chance": chance, "verdict": verdict(chance)}


TURNED = {
    DuelVerdict.BETTER: DuelVerdict.WORSE,
    DuelVerdict.WORSE: DuelVerdict.BETTER,
    DuelVerdict.UNCLEAR: DuelVerdict.UNCLEAR,
}
"""The verdict on one of two -> that on the other."""


def against(duels: pd.DataFrame, a: str, b: str) -> dict[str, int]:
    """How often `a` did better than, worse than, and no differently from `b`, in a table of duels."""
    straight = duels.loc[(duels["a"] == a) & (duels["b"] == b), "verdict"]
    turned = duels.loc[(duels["a"] == b) & (duels["b"] == a), "verdict"]
    return verdicts(pd.concat([straight, turned.map(TURNED)]))


def tuning(study: Study, scores: Replicates) -> pd.DataFrame:
    """A row a cell: the probability that its tuned rate does better than its default rate, the verdict,
    and the middle factor between the two (default over tuned; of `gap` only it makes sense)."""
    rows = []
    for problem, optimizer, batch, role in scores:
        if role == ConfirmRole.DEFAULT and (problem, optimizer, batch, ConfirmRole.TUNED) in scores:
            tuned, default = (scores[problem, optimizer, batch, r] for r in ROLES)
            chance = improvement(tuned, default)
            with np.errstate(divide="ignore", invalid="ignore"):
                factor = np.median(default) / np.median(tuned)
            rows.append(
                dict(zip(AXES, (problem, optimizer, batch), strict=True))
                | {"chance": chance, "verdict": verdict(chance), "factor": float(factor)}
            )
    return pd.DataFrame(rows, columns=[*AXES, "chance", "verdict", "factor"])


def ranking(study: Study, scores: Replicates) -> pd.DataFrame:
    """For each batch strategy and tuned optimizer: its mean rank over the problems (1 is the best), the
    number of problems, Friedman's p and the distance below which two mean ranks do not differ clearly.

    Over the optimizers and problems for which there is a tuned rate in every cell.
    """
    rows = []
    for batch in study.names.batches:
        table = medians(study, scores, batch)
        if table.empty:
            continue
        p, distance = friedman(table.to_numpy()), _distance(table)
        for optimizer, rank in zip(table.columns, mean_ranks(table.to_numpy()), strict=True):
            rows.append(
                {"optimizer": optimizer, "batch": batch, "rank": float(rank), "problems": len(table)}
                | {"optimizers": table.shape[1], "p": p, "distance": distance}
            )
    return pd.DataFrame(
        rows, columns=["optimizer", "batch", "rank", "problems", "optimizers", "p", "distance"]
    )


def medians(study: Study, scores: Replicates, batch: str) -> pd.DataFrame:
    """(problems, optimizers) the middle tuned score; a rate that was never found is as bad as can be."""
    rows = {
        problem: {
            o: float(np.median(scores.get((problem, o, batch, ConfirmRole.TUNED), np.array([np.inf]))))
            for o in study.names.optimizers
        }
        for problem in study.names.problems
        if any((problem, o, batch, ConfirmRole.DEFAULT) in scores for o in study.names.optimizers)
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _distance(table: pd.DataFrame) -> float:
    return critical_distance(table.shape[1], len(table)) if table.shape[1] > 1 else 0.0
