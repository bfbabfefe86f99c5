"""Whether the rate at which training diverges can be predicted, in one sentence, and on what that rests."""

from __future__ import annotations

from typing import Any

from overshoot.study.analysis.limit_evidence import LimitEvidence
from overshoot.study.analysis.limit_forecasts import MethodKind
from overshoot.study.findings.limit_words import WHERE, upper
from overshoot.study.findings.short_run_claims import KINDS, beside_theory
from overshoot.study.numbers import plural
from overshoot.study.phases.theory import LimitBasis

SELDOM, MOSTLY = 1 / 3, 2 / 3
"""Shares of the cells: a predictor that is right in fewer seldom predicts, one that is right in more does."""
THE_RATE = "the rate at which training diverges"
NETWORKS = "on networks"
CONDITION = f", with {KINDS[MethodKind.LINEAR]},"
"""The methods for which both theory and the short run predict a limit."""


def predicted_where(
    rows: list[dict[str, Any]], limit_data: LimitEvidence, alone: bool = False
) -> tuple[str, str]:
    """The claim, and how often each prediction comes how near. rows: of the agreement, by basis. alone:
    whether the second stands without the first, which says for which methods they hold."""
    claims, counts = [], []
    each = {row["basis"]: row for row in rows}
    exact, start = each.get(LimitBasis.EXACT), each.get(LimitBasis.AT_THE_START)
    if exact is not None:
        claims.append(f"on least squares with full batches theory {_does(exact['near'], exact['cells'])}")
        near = _in(exact["near"], exact["cells"])
        counts.append(f"{WHERE[LimitBasis.EXACT]} theory is right to 1\u202f% {near}")
    what, networks = "it" if claims else THE_RATE, f"{NETWORKS}{CONDITION if alone else ''}"
    if (known := beside_theory(limit_data)) is not None:
        claims.append(f"{NETWORKS}{CONDITION} {_networks(*known, what)}")
        counts.append(f"{networks} {_networks_counted(*known)}")
    elif start is not None:
        claims.append(f"{NETWORKS}{CONDITION} theory {_does(start['fair'], start['cells'], what)}")
        near = _in(start["fair"], start["cells"])
        counts.append(f"{networks} the curvature at the start is right to 10\u202f% {near}")
    if not claims:
        where, hits, cells = WHERE[rows[0]["basis"]], rows[0]["fair"], rows[0]["cells"]
        claims.append(f"{where} theory {_does(hits, cells)}")
        counts.append(f"{where} theory is right to 10\u202f% {_in(hits, cells)}")
    return f"{upper('; '.join(claims))}.", f"{upper('; '.join(counts))}."


def _in(hits: int, cells: int) -> str:
    return f"in {hits} of {plural(cells, 'cell')}"


def _does(hits: int, cells: int, what: str = THE_RATE) -> str:
    """`predicts it`, `predicts it in about half of the cells` or `seldom predicts it`."""
    if hits < SELDOM * cells:
        return f"seldom predicts {what}"
    return f"predicts {what}{'' if hits > MOSTLY * cells else ' in about half of the cells'}"


def _networks(run: dict[str, Any], theory: dict[str, Any], what: str) -> str:
    """`a short trial run predicts it, and theory alone seldom does`, whichever is right more often first."""
    named = [("a short trial run", run), ("theory alone", theory)]
    named.sort(key=lambda pair: -pair[1]["twice"] / pair[1]["compared"])
    (first, does), (second, other) = (
        (name, _does(row["twice"], row["compared"], what)) for name, row in named
    )
    if does == other:
        if does.startswith("seldom"):
            return f"neither theory nor a short trial run often predicts {what}"
        return f"{first} {does}, and so does {second}"
    less = "seldom does" if other.startswith("seldom") else "does so in about half of the cells"
    return f"{first} {does}, and {second} {less}"


def _networks_counted(run: dict[str, Any], theory: dict[str, Any]) -> str:
    """Within a factor of two, of each."""
    return (
        f"a run of a tenth of the training is right to a factor of two in {run['twice']} of "
        f"{plural(run['compared'], 'cell')}, theory in {theory['twice']} of {theory['compared']}"
    )
