"""Ready-made views of a study in MLflow's pages: what `make ui` prints, and the notes on experiments.

MLflow keeps a saved view (filter, order, columns, charts) as a tag of its experiment, lists it in the
menu "Views", and opens it by a link. Without one, its tables show no metric and its charts no log axis.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from overshoot.study.phases.confirm import Confirm, ConfirmRole
from overshoot.study.phases.outcomes import Outcome
from overshoot.study.phases.sweep import Sweep
from overshoot.study.tracking.rows import CHART, POINTS

CREATED = "attributes.start_time"

TRAINING = "workflowType=machine_learning"
"""Part of every link: a new browser would open MLflow's pages for language models instead."""

ROWS = 100
"""Runs that MLflow loads at a time, and so the most that a chart shows at once."""


CELLS = "cells"
"""The part of a study's experiments that has one run a cell; the others are `trials/<dataset>`."""


@dataclass(frozen=True)
class StudyInfo:
    """A study in the store.

    cells, trials: how many are finished. experiments: MLflow's id of each part, by name.
    run_id: the run with the experiment file and the report, once there is one.
    """

    name: str
    cells: int
    trials: int
    experiments: dict[str, str]
    optimizers: tuple[str, ...]
    batches: tuple[str, ...]
    run_id: str | None


@dataclass(frozen=True)
class View:
    """One view of an experiment's runs.

    key: its name in links. where, order: MLflow's search filter and sort key.
    columns: names like `metrics.q_end` or `tags.outcome`. charts: as `line` and `scatter` make them.
    """

    key: str
    name: str
    where: str
    columns: tuple[str, ...]
    order: str = CREATED
    ascending: bool = True
    charts: tuple[dict[str, Any], ...] = ()

    def tag(self) -> tuple[str, str]:
        """The experiment's tag in which MLflow keeps this view: its name and value."""
        state = {
            "searchFilter": self.where,
            "orderByKey": self.order,
            "orderByAsc": self.ascending,
            "startTime": "ALL",
            "lifecycleFilter": "Active",
            "selectedColumns": [_quoted(c) for c in self.columns],
        }
        if self.charts:
            section = {"uuid": "main", "name": self.name, "display": True, "columns": 2, "cardHeight": 400}
            state |= {
                "runsHiddenMode": "SHOW_ALL",
                "compareRunSections": [section],
                "compareRunCharts": [{**c, "uuid": f"chart-{i}"} for i, c in enumerate(self.charts)],
            }
        # MLflow orders views by these times; fixed ones keep the tag the same from run to run.
        value = {"name": self.name, "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)}
        return f"mlflow.sharedViewState.{self.key}", json.dumps(value)

    def link(self, experiment: str) -> str:
        """The fragment of MLflow's address that opens this view."""
        chart = "&compareRunsMode=CHART" if self.charts else ""
        return f"#/experiments/{experiment}/runs?{TRAINING}&viewStateShareKey={self.key}{chart}"


def run_link(experiment: str, run_id: str) -> str:
    """The fragment of MLflow's address that opens a run."""
    return f"#/experiments/{quote(experiment, safe='')}/runs/{quote(run_id, safe='')}?{TRAINING}"


def runs_link(experiment: str, tags: Mapping[str, str], metric: str = "") -> str:
    """The fragment of MLflow's address that lists the runs with these `tags`, those with the largest
    `metric` first where one is named."""
    order = f"&orderByKey={quote(f'metrics.`{metric}`')}&orderByAsc=false" if metric else ""
    where = quote(having(tags), safe="")
    return f"#/experiments/{experiment}/runs?{TRAINING}&startTime=ALL&searchFilter={where}{order}"


def having(tags: Mapping[str, str]) -> str:
    """The search filter for runs with all of these tags."""
    return " and ".join(f"tags.{name} {_is(value)}" for name, value in tags.items())


def files_link(experiment: str, run_id: str) -> str:
    """The fragment of MLflow's address that opens the artifacts of a run."""
    return f"#/experiments/{experiment}/runs/{run_id}/artifacts?{TRAINING}"


def line(metric: str) -> dict[str, Any]:
    """A chart of a loss against examples processed, on a logarithmic axis."""
    return {
        "type": "LINE",
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "displayName": f"{metric} against examples processed",
        "scaleType": "log",
        "xAxisScaleType": "linear",
        "xAxisKey": "step",
        "yAxisKey": "metric",
        "lineSmoothness": 0,
        "range": {},
        **_chart(),
    }


def scatter(x: str, y: str) -> dict[str, Any]:
    """A chart of one metric's last value against another's."""
    return {
        "type": "SCATTER",
        "xaxis": {"key": x, "type": "METRIC"},
        "yaxis": {"key": y, "type": "METRIC"},
        **_chart(),
    }


def cell_views() -> tuple[View, ...]:
    """Views of the experiment that has one run a cell."""
    columns = (
        *("metrics.tuned_rate_training", "metrics.tuned_rate_validation", "metrics.default_rate"),
        *("metrics.sweep_boundary",),
        *("metrics.usable_width_decades", "metrics.trials_diverged", "tags.search_status"),
    )
    unstable = "tags.search_status = 'no_stable_rate'"
    everything, width = "tags.kind = 'cell'", "metrics.`usable_width_decades`"
    return (
        View("cells", "Cells", everything, columns),
        View("width", "Cells by width of the usable range", everything, columns, width, ascending=False),
        View("unstable", "Cells without a stable learning rate", unstable, columns),
    )


def trial_views(optimizers: Sequence[str], batches: Sequence[str]) -> tuple[View, ...]:
    """Views of an experiment that has one run a trial, with one for each of the `optimizers` and one
    for each of the `batches`."""
    columns = ("params.lr", "tags.outcome", "tags.role", "metrics.q_end", "metrics.validation_score")
    bad = ("params.lr", "tags.first_bad_step", "tags.reason", "tags.off_chart", "tags.phase")
    curves = (line("train_loss"), line("validation_loss"))
    score, tuned = "metrics.`validation_score`", f"tags.role = '{ConfirmRole.TUNED}'"
    return (
        View("trials", "Trials", "tags.kind = 'trial'", columns),
        View(
            "diverged", "Diverged trials", f"tags.outcome = '{Outcome.DIVERGED}'", bad, "metrics.`log10_lr`"
        ),
        View("tuned", "Tuned winners", tuned, columns, score, ascending=False),
        View(
            "curves",
            "Curves of the tuned winners",
            f"{tuned} and {first(Confirm.name)}",
            columns,
            charts=curves,
        ),
        *(
            View(
                f"curves-{i}",
                f"Curves of the tuned winners, batch {name}",
                f"{tuned} and {first(Confirm.name)} and tags.batch = '{name}'",
                columns,
                charts=curves,
            )
            for i, name in enumerate(batches)
        ),
        *(
            View(
                f"rates-{i}",
                f"Learning rates of {name}",
                f"tags.optimizer = '{name}' and {first(Sweep.name)}",
                columns,
                charts=(scatter("log10_lr", "log10_q_end"), *curves),
            )
            for i, name in enumerate(optimizers)
        ),
    )


def first(phase: str) -> str:
    """The filter for one replicate of a phase: all of them are too many for a chart."""
    return f"tags.replicate = '{phase}-0'"


def offered(info: StudyInfo, part: str) -> tuple[View, ...]:
    """The views of one of a study's experiments."""
    return cell_views() if part == CELLS else trial_views(info.optimizers, info.batches)


def links(info: StudyInfo, part: str) -> list[tuple[str, str]]:
    """Names and links of the views of one of a study's experiments, and from its cells to all else."""
    addresses = [(view.name, view.link(info.experiments[part])) for view in offered(info, part)]
    if part == CELLS:
        if info.run_id is not None:
            addresses.append(("Experiment file and report", files_link(info.experiments[CELLS], info.run_id)))
        for other, experiment in info.experiments.items():
            if other != CELLS:
                addresses.append(
                    (f"Trials of {other.removeprefix('trials/')}", offered(info, other)[0].link(experiment))
                )
    return addresses


def note(info: StudyInfo, part: str) -> str:
    """Markdown for the top of an experiment's page. Its first line is all that a folded note shows: what a
    run is here, and where to begin."""
    text = CELLS_NOTE if part == CELLS else TRIALS_NOTE
    (first_name, first_link), *others = links(info, part)
    what = "a cell: one optimizer and batch size on one problem" if part == CELLS else "one training"
    begin = f"Each run is {what}. Choose “Model training” at the top left, then the view "
    begin += f"[{first_name}]({first_link})"
    diverged = _diverged(info) if part == CELLS else ""
    begin += f", or what diverged: {diverged}." if diverged else "."
    rest = " · ".join(f"[{name}]({link})" for name, link in others)
    return f"{begin} Further views: {rest}\n\n{SWITCH}\n\n{text}"


def _diverged(info: StudyInfo) -> str:
    """Links to the diverged trials of each dataset."""
    view = next(view for view in trial_views((), ()) if view.key == "diverged")
    return ", ".join(
        f"[{part.removeprefix('trials/')}]({view.link(experiment)})"
        for part, experiment in info.experiments.items()
        if part != CELLS
    )


SWITCH = (
    "MLflow opens an experiment that was chosen in its list on its GenAI pages, which are empty here: the "
    "switch “GenAI | Model training”, at the top left below MLflow’s logo, leads from them to the runs."
)

CELLS_NOTE = (
    "A cell is dataset x network x optimizer x batch strategy. Its metrics and tags are the cell's "
    "summary. Its artifacts hold the picture of its rate curve, the exact tables of its trials and their "
    "curves, and the last finite parameters of the trials that diverged. The status FINISHED means that all "
    "of it is there. The run of kind `study` holds the experiment file and the report. The trials are in the "
    "experiments named `trials/<dataset>`."
)

TRIALS_NOTE = (
    "A training is called a trial; the tag `cell` is the key of its cell. `train_loss` and `validation_loss` "
    "are drawn against examples processed (the step). These curves are for browsing: they are thinned to "
    f"about {POINTS} points, and leave out non-finite losses and losses above {CHART:g} times the first "
    "(marked by the tag `off_chart`), since one exploding curve would flatten all others. The exact curves "
    "are artifacts of the cell's run. `q_end` is the share of the training gap left at the end, `hit_0.1` "
    "the number of examples after which it stayed below a tenth."
)


def _chart() -> dict[str, Any]:
    return {
        "metricSectionId": "main",
        "deleted": False,
        "isGenerated": False,
        "runsCountToCompare": ROWS,
        "useGlobalXaxisKey": False,
        "useGlobalLineSmoothing": False,
    }


def _is(value: str) -> str:
    if "'" not in value:
        return f"= '{value}'"
    # The search language has no way to escape a quote: where both kinds are, one may be any character.
    return f'LIKE "{value.replace(chr(34), "_")}"' if '"' in value else f'= "{value}"'


def _quoted(column: str) -> str:
    kind, name = column.split(".", 1)
    return f"{kind}.`{name}`"
