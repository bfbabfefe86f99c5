"""Which tuned rates are in doubt."""

from __future__ import annotations

from overshoot.study.analysis.search_effort import DISAGREE, disagreements
from overshoot.study.analysis.selections import tuned as tuned_only
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.findings.claims import Finding
from overshoot.study.findings.codes import SEARCHES
from overshoot.study.numbers import listing, number, plural
from overshoot.study.phases.search import SearchStatus


def trust(tables: Tables) -> Finding:
    """The cells whose search is in doubt, whose replicates disagree, and whose tuned rate failed."""
    doubts = [str(doubt) for doubt in tables.study.cells["doubt"]]
    searches = plural(len(doubts), "search", "searches")
    evidence = " ".join(part for part in (_spread(tables), _lost(tables)) if part)
    clear = doubts.count("")
    claim = f"{clear:,} of {searches} ended inside the searched range."
    if len(doubts) == 1:
        claim = f"The search {'ended inside the searched range' if clear else 'is in doubt'}."
    counts = {doubt: doubts.count(doubt) for doubt in dict.fromkeys(doubts) if doubt}
    if counts:
        parts = listing([f"{count} ({SEARCHES[SearchStatus(doubt)]})" for doubt, count in counts.items()])
        evidence = f"In doubt, and marked † in the tables: {parts}. {evidence}"
    return Finding("Trust", claim, evidence.strip(), "tuning")


def _spread(tables: Tables) -> str:
    """In how many cells the search's replicates do not agree on the best rate."""
    wide = disagreements(tables.study)
    if not wide:
        return ""
    texts = [f"{count} of {plural(known, 'cell')} for {claim}" for claim, (count, known) in wide.items()]
    return (
        f"Judged one by one, the search’s replicates disagree on the best rate by more than "
        f"{number(DISAGREE)} decades in {listing(texts)}."
    )


def _lost(tables: Tables) -> str:
    """How often a tuned rate failed on fresh replicates."""
    tuned = tuned_only(tables.performance).drop_duplicates(["problem", "optimizer", "batch", "rate"])
    gone = tuned[tuned["diverged"] > 0]
    if tuned.empty:
        return ""
    if gone.empty:
        return f"All {plural(int(tuned['n'].sum()), 'fresh run')} at the tuned rates survived."
    runs = plural(int(tuned["n"].sum()), "fresh run")
    return (
        f"Of {runs} at tuned rates {int(gone['diverged'].sum())} diverged, at {len(gone)} of "
        f"{plural(len(tuned), 'rate')} tuned for training, for validation or for speed."
    )
