"""How to read the figures of stability: what each shows, on an example from its own data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.core.batches import ORDERS
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.limit_evidence import LimitEvidence, pairs, slopes_by_optimizer
from overshoot.study.analysis.sharpness_runs import EdgeVerdict
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import NAMED
from overshoot.study.findings.codes import BASES
from overshoot.study.findings.limit_words import factor, where
from overshoot.study.numbers import between, listing, number
from overshoot.study.phases.limit import LimitSettings
from overshoot.study.phases.short_run import SHORT_RUN
from overshoot.study.phases.theory import LimitBasis

WORDS = {
    LimitBasis.EXACT: "exact",
    LimitBasis.ORDER: "exact, in order",
    LimitBasis.ALMOST_SURE: "single runs",
    LimitBasis.AT_THE_START: "at the start",
    LimitBasis.NONE: "no prediction",
}
"""Basis of a prediction -> what stands in its field of the map."""

SHORT_RUN_MEANS = (
    "networks: the lowest rate at which training for a tenth of the budget does not lower the loss; for "
    "adaptive methods extended to what the whole budget bears. A second map on the evidence page, “theory "
    "alone”, has what the curvature at the start predicts there before any training, and nothing for "
    "adaptive methods"
)
"""What the short run's prediction is."""


def stability(tables: Tables, limit_data: LimitEvidence) -> str:
    """How to read the map: by a field that agrees best, and by one that is furthest off."""
    text = (
        "Each field is an optimizer with a batch strategy. Its number is the measured stability limit "
        "divided by the predicted one: 1.00 is as predicted; 20 (orange) means that runs survived rates 20 "
        "times higher than predicted; below 1 (blue) they diverged earlier."
    )
    both = limit_data.predicted[limit_data.predicted["ratio"] > 0]
    if len(both) > NAMED:
        off = np.abs(np.log(both["ratio"]))
        near, far = (records(both.loc[[place]])[0] for place in (off.idxmin(), off.idxmax()))
        text += f" {where(tables, near)} diverges from {number(near['measured'])} on, where "
        text += f"{number(near['predicted'])} was predicted"
        if near["key"] != far["key"]:
            text += (
                f"; the furthest off is {where(tables, far)}: measured {number(far['measured'])}, predicted "
                f"{number(far['predicted'])}"
            )
        text += "."
    settings = tables.study.protocol.get(LimitSettings)
    if settings is not None and (limit_data.limits["basis"] == LimitBasis.EXACT).any():
        text += (
            f" With full batches on least squares the limit is measured to {number(100 * settings.precision)}"
            "\u202f%; elsewhere runs both diverge and survive around it, and it has an interval."
        )
    return text + " The words below the number, and in the tables, say which prediction it is:"


def bases(limit_data: LimitEvidence) -> dict[str, str]:
    """Word in a field of the map, or in a table below it -> on what the prediction rests."""
    shown = set(limit_data.predicted["basis"]) | set(limit_data.limits["basis"])
    known = {WORDS[basis]: BASES[basis] for basis in BASES if basis in shown}
    return known | ({SHORT_RUN: SHORT_RUN_MEANS} if SHORT_RUN in shown else {})


def batch_limits(tables: Tables, limit_data: LimitEvidence, measured: pd.DataFrame) -> str:
    text = (
        "How the stability limit depends on the batch size, from a single sample at the left to all samples "
        "at the right; both axes are logarithmic. Lines are predicted mean-square limits: above them the "
        "mean squared distance over many runs grows, if batches are drawn independently. Dashes are "
        "predicted single-run limits: above them a single run grows, with its batches in their own order. "
        "Marks are measured limits, with bars over their replicates."
    )
    for problem, plain, heavy, b in pairs(limit_data.by_batch):
        names = tables.study.names
        first, last = heavy["limit"].iloc[0], heavy["limit"].iloc[-1]
        text += (
            f" On {names.problems[problem]} {names.optimizers[heavy['optimizer'].iloc[0]]}’s line starts at "
            f"{number(first)}, above the lower grey guide at {number((1 - b) * plain['limit'].iloc[0])}, "
            f"which is (1 − b) times gradient descent’s limit (b = {b:g} is the momentum coefficient); it "
            f"ends at {number(last)}, on the upper grey guide at "
            f"{number((1 + b) * plain['limit'].iloc[-1])}, which is "
            "2 (1 + b) over the largest curvature."
        )
        break
    if any(ORDERS[order].repeats for order in measured["order"]):
        text += " Runs in one fixed order have limits of their own, which may lie far below the line."
    return text


def edges(tables: Tables, limit_data: LimitEvidence) -> str:
    runs = limit_data.edge
    text = (
        "Sharpness, the largest curvature of the training loss, during training with full batches, against "
        "the number of updates; both axes are logarithmic. Each learning rate has a colour, and a dashed "
        "line at its threshold, the largest sharpness at which it is stable, labelled with the rate. The "
        f"threshold is {_lines(tables, runs)}."
    )
    rose = runs[(runs["reached"].astype(float) > 0) & (runs["verdict"] == EdgeVerdict.AT_THRESHOLD)]
    if len(rose):
        run = records(rose.assign(off=np.abs(np.log(rose["late"].astype(float)))).sort_values("off"))[0]
        text += (
            f" On {tables.study.names.problems[run['problem']]} with "
            f"{tables.study.names.optimizers[run['optimizer']]} at rate {number(run['rate'])} the sharpness "
            f"rises from {number(run['start'])} to its threshold, {number(run['threshold'])}, by update "
            f"{int(run['reached']):,} and stays there ({factor(run['late'])} times it)."
        )
    else:
        text += " No run’s sharpness rose to its threshold and stayed there."
    return text


def _lines(tables: Tables, runs: pd.DataFrame) -> str:
    """`2/rate for Gradient descent; 38/rate for Adam, where curvature is measured after its own scaling`."""
    known = tables.study.recursions
    texts = []
    for optimizer, at in runs.groupby("optimizer", sort=False):
        over = number(float((at["threshold"] * at["rate"]).median()))
        scaled = "" if known.get(str(optimizer)) else ", where curvature is measured after its own scaling"
        texts.append(f"{over}/rate for {tables.study.names.optimizers[str(optimizer)]}{scaled}")
    return "; ".join(texts)


def floors(tables: Tables, limit_data: LimitEvidence) -> str:
    powers = slopes_by_optimizer(limit_data.slopes)
    said = listing([f"{tables.study.names.optimizers[o]} {between(v, 1)}" for o, v in powers.items()])
    return (
        "The final gap of each cell without a predicted limit, from its best learning rate upwards, on "
        "logarithmic axes. The number at the end of a curve is its slope above the best rate. Slope 2 means "
        "that the distance from the optimum grows in proportion to the rate where the loss is quadratic, "
        "slope 1 the same where the loss is linear, and slope 0 that the method recovers from any rate. "
        f"Medians: {said}. Where a curve crosses the line at 1, the plateau lies above the start, which "
        "counts as diverged."
    )


def noise(limit_data: LimitEvidence) -> str:
    settled = limit_data.noise[limit_data.noise["settled"]]
    text = (
        "The gradient of a small batch is noisy even at the optimum, so training at a constant rate settles "
        "not there but around it, at a noise floor that rises with the rate. Each mark is a run of the "
        "sweep on least squares: its mean gap over the last half of training against the predicted one. "
        "Marks on the line are as predicted."
    )
    if settled.empty:
        return text + " No run was long enough to forget its start, so all marks are hollow."
    least, most = settled["predicted"].min(), settled["predicted"].max()
    return (
        f"{text} Filled marks, {len(settled)} of {len(limit_data.noise)}, are runs that have forgotten their "
        f"start; they span predicted noise floors from {number(least)} to {number(most)}. Hollow marks may "
        "not have, so they test the prediction less well."
    )
