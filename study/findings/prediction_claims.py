"""Whether the rate at which training diverges can be predicted, in one sentence, and on what that rests."""

from __future__ import annotations

from typing import Any

from overshoot.study.analysis.limit_evidence import LimitEvidence
from overshoot.study.findings.limit_words import WHERE, upper
from overshoot.study.findings.short_run_claims import beside_theory
from overshoot.study.numbers import plural
from overshoot.study.phases.theory import LimitBasis

MOSTLY = 0.5
"""Share of cells above which a predictor predicts; below, it seldom does."""
THE_RATE = "the rate at which training diverges"


def predicted_where(rows: list[dict[str, Any]], limit_data: LimitEvidence) -> tuple[str, str]:
    """The claim, and how often each prediction comes how near. rows: of the agreement, by basis."""
    claims, counts = [], []
    each = {row["basis"]: row for row in rows}
    exact, start = each.get(LimitBasis.EXACT), each.get(LimitBasis.AT_THE_START)
    if exact is not None:
        claims.append(f"on least squares theory {_does(exact['near'], exact['cells'])} {THE_RATE}")
        near = f"in {exact['near']} of {plural(exact['cells'], 'cell')}"
        counts.append(f"with full batches on least squares theory is right to 1\u202f% {near}")
    if (known := beside_theory(limit_data)) is not None:
        claims.append(_networks(*known, "it" if claims else THE_RATE))
        counts.append(_networks_counted(*known))
    elif start is not None:
        claims.append(
            f"on networks theory {_does(start['fair'], start['cells'])} {'it' if claims else THE_RATE}"
        )
        near = f"in {start['fair']} of {plural(start['cells'], 'cell')}"
        counts.append(f"on networks the curvature at the start is right to 10\u202f% {near}")
    if not claims:
        row = rows[0]
        claims.append(f"{WHERE[row['basis']]} theory {_does(row['fair'], row['cells'])} {THE_RATE}")
        near = f"in {row['fair']} of {plural(row['cells'], 'cell')}"
        counts.append(f"{WHERE[row['basis']]} theory is right to 10\u202f% {near}")
    return f"{upper('; '.join(claims))}.", f"{upper('; '.join(counts))}."


def _does(hits: int, cells: int) -> str:
    return "predicts" if hits > MOSTLY * cells else "seldom predicts"


def _networks(run: dict[str, Any], theory: dict[str, Any], what: str) -> str:
    """`on networks a short trial run predicts it, and theory alone seldom does`."""
    often = tuple(row["twice"] > MOSTLY * row["compared"] for row in (run, theory))
    said = {
        (True, False): f"a short trial run predicts {what}, and theory alone seldom does",
        (True, True): f"a short trial run predicts {what}, and so does theory alone",
        (False, True): f"theory alone predicts {what}, and a short trial run seldom does",
        (False, False): f"neither theory nor a short trial run often predicts {what}",
    }
    return f"on networks {said[often]}"


def _networks_counted(run: dict[str, Any], theory: dict[str, Any]) -> str:
    """Within a factor of two, of each."""
    return (
        f"on networks a run of a tenth of the training is right to a factor of two in {run['twice']} of "
        f"{plural(run['compared'], 'cell')}, theory in {theory['twice']} of {theory['compared']}"
    )
