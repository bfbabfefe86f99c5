"""What the two pages and their Markdown twin say, gathered: templates only lay it out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from overshoot.study.analysis.sensitivity import out_of_reach
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import few
from overshoot.study.experiment.cells import Protocol
from overshoot.study.figures.keys import LIMIT_KEYS
from overshoot.study.figures.theme import Looks
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.headlines import findings
from overshoot.study.findings.particulars import problem_finding
from overshoot.study.findings.phrases import too_few
from overshoot.study.numbers import number, plural
from overshoot.study.report import html_tables as tables
from overshoot.study.report import pictures
from overshoot.study.report.html_tables import ShownTable
from overshoot.study.report.opening import Opening, opening
from overshoot.study.report.pictures import Picture
from overshoot.study.report.rate_table import called, rate_table
from overshoot.study.report.sections import Section, sections
from overshoot.study.tracking.views import run_link, runs_link

FIRST = ("Tuned training", "Usable range", "Batch size", "Plateaus", "Stability limit")
"""What the findings on the story's page are about, as far as a study has them; others take their places."""

PLACES = {
    "reading": "How to read this",
    "ranges": "Usable learning rates",
    "overview": "Over all problems",
    "problems": "Problem by problem",
    "divergence": "What blew up",
    "run": "What was run",
}
"""Sections that every study has: anchor -> title. The others come before the single problems."""

Draw = Callable[[Iterable[Picture], Iterable[Picture]], None]
"""What is told of pictures as soon as they are known, and of those of them that the Markdown twin shows."""

SETTINGS = ("tolerance", "precision", "seed")
"""Of the protocol, those that a saved figure names."""


@dataclass(frozen=True)
class ProblemPart:
    """All that is shown of one problem. curves, paths: batch strategy -> picture, paths only where there is a
    loss surface to look at; batch: the strategy shown first."""

    name: str
    label: str
    anchor: str
    facts: str
    findings: str
    runs: RunLink
    rates: Picture
    curves: dict[str, Picture]
    paths: dict[str, Picture]
    batch: str
    optimization: ShownTable
    selection: ShownTable
    listed: str
    diverged: int

    @property
    def pictures(self) -> list[Picture]:
        return [self.rates, *self.curves.values(), *self.paths.values()]

    @property
    def limits(self) -> bool:
        """Whether the panels of its rates have rows for stability limits."""
        return any(key in self.rates.keys for key in LIMIT_KEYS)

    @property
    def sheets(self) -> list[Picture]:
        """Of the curves and paths, one batch strategy."""
        return [self.rates, self.curves[self.batch], *list(self.paths.values())[:1]]


@dataclass(frozen=True)
class Page:
    """The content of a report. rates: which to take, on one's own data. experiment: MLflow's, of the runs of
    the cells. provenance: names and values, in the order in which they are shown."""

    name: str
    title: str
    asked: str
    findings: list[Finding]
    tolerance: str
    looks: Looks
    choices: dict[str, dict[str, str]]
    experiment: str
    opening: Opening
    rates: ShownTable | None
    overview: dict[str, Picture]
    optimization: ShownTable
    selection: ShownTable
    sections: list[Section]
    problems: list[ProblemPart]
    divergence: dict[str, Picture]
    reasons: ShownTable
    facts: ShownTable
    protocol: dict[str, str]
    seconds: dict[str, str]
    provenance: Mapping[str, Any]
    store: str

    @property
    def pictures(self) -> list[Picture]:
        """Every picture of the evidence, in the order of the page."""
        parts = [picture for part in self.problems for picture in part.pictures]
        extra = [picture for section in self.sections for picture in section.pictures]
        return [*self.overview.values(), *extra, *parts, *self.divergence.values()]

    @property
    def five(self) -> list[Finding]:
        """At most five findings, one a theme: what the story tells."""
        first = [finding for section in self.sections for finding in section.findings[:1]]
        known = {finding.about: finding for finding in reversed([*self.findings, *first])}
        chosen = [known.pop(about) for about in FIRST if about in known]
        return [*chosen, *reversed(known.values())][:5]

    @property
    def places(self) -> dict[str, str]:
        """The titles of the sections that every study has, by their anchors."""
        return PLACES if len(self.problems) > 1 else PLACES | {"overview": "Training and held-out data"}

    @property
    def few(self) -> bool:
        """Whether there are too few problems to conclude anything from."""
        return few(len(self.problems))

    @property
    def scope(self) -> str:
        """What may be concluded from few problems; nothing of many."""
        if not self.few:
            return ""
        return (
            f"{too_few(len(self.problems))} to conclude anything about others, so what was seen "
            f"{'on it' if len(self.problems) == 1 else 'on them'} is said and no more. Numbers in brackets "
            "after the score of a single cell are what other replicates of it would give."
        )

    @property
    def contents(self) -> list[tuple[str, str]]:
        """Anchor and title of each section of the evidence, in their order."""
        places = list(self.places.items())
        extra = [(section.anchor, section.title) for section in self.sections]
        return [*places[:3], *extra, *places[3:]]

    @property
    def conditions(self) -> str:
        """What the study's figures hold for, in a line."""
        settings = [f"{name} {self.protocol[name]}" for name in SETTINGS if name in self.protocol]
        return f"{self.title}. {', '.join(settings)}"

    def about(self, anchor: str) -> list[Finding]:
        """The findings that the section at `anchor` opens with."""
        own = [
            finding for section in self.sections if section.anchor == anchor for finding in section.findings
        ]
        return [finding for finding in self.findings if finding.section == anchor] + own

    def link(self, runs: RunLink) -> str:
        """The address of the list of these runs in MLflow's pages."""
        return f"{self.store}/{runs_link(self.experiment, {'kind': 'cell'} | runs.tags, runs.metric)}"

    def run_link(self, run: tuple[str, str]) -> str:
        """The address of the page of one run, named by its experiment and its own id."""
        return f"{self.store}/{run_link(*run)}"


def compose(
    name: str,
    title: str,
    study_tables: Tables,
    looks: Looks,
    provenance: Mapping[str, Any],
    store: str,
    draw: Draw,
) -> Page:
    """The page of a study. What has most of its pictures, and little of its sentences, is made first."""
    shown = opening()
    draw([shown.picture], [shown.picture])
    problems = _problems(study_tables, looks, draw)
    overview, divergence = pictures.overview(study_tables, looks), pictures.divergence(study_tables, looks)
    for whole in (overview, divergence):
        draw(whole, whole)
    extra = []
    for section in sections(study_tables, looks):
        extra.append(section)
        draw(section.pictures, section.sheets)
    names = study_tables.study.names
    return Page(
        name=name,
        title=title,
        asked=_asked(study_tables),
        findings=findings(study_tables),
        tolerance=number(study_tables.study.tolerance),
        looks=looks,
        choices={
            "problem": names.problems,
            "optimizer": {name: called(label, name) for name, label in names.optimizers.items()},
            "batch": names.batches,
        },
        experiment=str(study_tables.study.cells["experiment"].iloc[0]),
        opening=shown,
        rates=rate_table(study_tables),
        overview={picture.name: picture for picture in overview},
        optimization=tables.optimization_overview(study_tables),
        selection=tables.selection_overview(study_tables),
        sections=extra,
        problems=problems,
        divergence={picture.name: picture for picture in divergence},
        reasons=tables.reasons(study_tables),
        facts=tables.problems(study_tables),
        protocol=_flat(_settings(study_tables.study.protocol)),
        seconds=_seconds(study_tables),
        provenance=provenance,
        store=store.rstrip("/"),
    )


def _problems(study_tables: Tables, looks: Looks, draw: Draw) -> list[ProblemPart]:
    made = []
    for i, problem in enumerate(study_tables.study.names.problems, 1):
        made.append(part := _problem(study_tables, looks, problem, i))
        draw(part.pictures, part.sheets)
    return made


def _asked(study_tables: Tables) -> str:
    study = study_tables.study
    names = study.names
    low, high = study_tables.rates["rate"].min(), study_tables.rates["rate"].max()
    updates = study.cells["updates_total"].sum()
    return (
        f"What does {_of(names.optimizers, 'optimizers')} do at every learning rate from {number(low)} to "
        f"{number(high)}, with {_of(names.batches, 'batch strategies')}, on "
        f"{_of(names.problems, 'problems').removeprefix('each of ')}? "
        f"{plural(len(study.trials), 'training run')} in {plural(len(study.cells), 'cell')}, "
        f"{_many(updates)} updates in all: where they crawl, where they converge, and where they blow up."
    )


def _many(count: float) -> str:
    """`316 million` of 316,022,427; to the last digit of less than a million."""
    return f"{number(count / 1e6, 3)} million" if count >= 1e6 else f"{count:,.0f}"


def _of(names: Mapping[str, str], things: str) -> str:
    """`each of 3 optimizers`, or the name of the only one."""
    return f"each of {len(names)} {things}" if len(names) > 1 else next(iter(names.values()))


def _problem(study_tables: Tables, looks: Looks, problem: str, i: int) -> ProblemPart:
    batches = list(study_tables.study.names.batches)
    curves = {
        batch: picture
        for j, batch in enumerate(batches)
        if (picture := pictures.problem_curves(study_tables, looks, problem, batch, f"curves-{i}-{j}")).tiles
    }
    paths = {
        batch: picture
        for j, batch in enumerate(batches)
        if (picture := pictures.problem_paths(study_tables, looks, problem, batch, f"paths-{i}-{j}")).tiles
    }
    shown = list(curves)
    gone = study_tables.diverged[study_tables.diverged["problem"] == problem]
    return ProblemPart(
        name=problem,
        label=study_tables.study.names.problems[problem],
        anchor=f"problem-{i}",
        facts=_facts(study_tables, problem),
        findings=problem_finding(study_tables, problem, shown[len(shown) // 2]),
        runs=runs_of(study_tables.study, problem=problem),
        rates=pictures.problem_rates(study_tables, looks, problem, f"rates-{i}"),
        curves=curves,
        paths=paths,
        batch=shown[len(shown) // 2],
        optimization=tables.optimization(study_tables, problem),
        selection=tables.selection(study_tables, problem),
        listed=_listed(gone),
        diverged=len(gone),
    )


def _facts(study_tables: Tables, problem: str) -> str:
    cell = study_tables.study.cells[study_tables.study.cells["problem"] == problem].iloc[0]
    short = problem in out_of_reach(study_tables.sensitivity)
    return (
        f"{plural(int(cell['training_samples']), 'training sample')}, "
        f"{plural(int(cell['parameters']), 'parameter')}, {plural(int(cell['epochs']), 'epoch')}; the best "
        f"known training loss is {number(cell['best_known_loss'])}. Stored as {problem}."
        + (
            " Few rates or none reach the tolerance within the budget, so its usable ranges are left out of "
            "the findings."
            if short
            else ""
        )
    )


def _listed(gone: Any) -> str:
    """The diverged trials as comma-separated values."""
    columns = ["optimizer", "batch", "phase", "rate", "replicate", "first_bad_step", "growth", "reason"]
    return str(gone[columns].to_csv(index=False, float_format="%.4g", lineterminator="\n"))


def _seconds(study_tables: Tables) -> dict[str, str]:
    columns = [str(c) for c in study_tables.study.cells if str(c).startswith("seconds_")]
    return {c.removeprefix("seconds_"): f"{study_tables.study.cells[c].sum():,.1f} s" for c in columns}


def _settings(protocol: Protocol) -> dict[str, Any]:
    """The protocol's settings, those of each phase under its name."""
    tree = protocol.tree
    phases = tree.pop("phases")
    return tree | phases


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """A tree of settings as one level of names and texts."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}".replace("_", " ")
        flat |= _flat(value, f"{name}: ") if isinstance(value, Mapping) else {name: _text(value)}
    return flat


def _text(value: Any) -> str:
    if isinstance(value, bool | str) or value is None:
        return str(value)
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return str(value) if isinstance(value, int | float | np.number) else json.dumps(value)
