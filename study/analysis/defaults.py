"""The default rates: whose they are, and what another framework has instead."""

from __future__ import annotations

import pandas as pd

from overshoot.core import OPTIMIZERS
from overshoot.study.analysis.frame import Study


def default_rates(study: Study, sensitivity: pd.DataFrame) -> pd.DataFrame:
    """A row for each optimizer: its default `rate` and the `origin` of its defaults; the `framework` whose
    default `other` is a different one, "" and NaN where there is none; and of its `cells` in how many each of
    the two lies in the usable range (`usable`, `other_usable`)."""
    rates = study.cells.drop_duplicates("optimizer").set_index("optimizer")["default_rate"]
    rows = []
    for optimizer in study.names.optimizers:
        base = OPTIMIZERS.get(optimizer.partition(" + ")[0].partition("(")[0])
        elsewhere = list((base.elsewhere if base else {}).items())
        framework, other = elsewhere[0] if elsewhere else ("", float("nan"))
        at = sensitivity[sensitivity["optimizer"] == optimizer]
        inside = [
            int(((at["low"] <= rate) & (rate <= at["high"])).sum()) for rate in (rates[optimizer], other)
        ]
        rows.append(
            {"optimizer": optimizer, "rate": float(rates[optimizer]), "origin": base.defaults if base else ""}
            | {"framework": framework, "other": other, "cells": len(at)}
            | dict(zip(("usable", "other_usable"), inside, strict=True))
        )
    return pd.DataFrame(rows)
