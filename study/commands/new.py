"""A commented experiment to begin with: for a file of one's own, or as a template."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from overshoot.study import spec
from overshoot.study.commands.advise import question
from overshoot.study.experiment.cells import Choice
from overshoot.study.experiment.reader import SpecError
from overshoot.study.problems.datasets import task_of, train_size
from overshoot.study.problems.description import describe

TEMPLATE = """\
# {title}
#
#     overshoot estimate {file}     how long it takes
#     overshoot run {file}          train what is not stored yet, then write the report

name = "{name}"             # of the study in the store, and of its folder of results
title = {title_text}
seed = 0                    # of splits, starts and data orders
precision = "float32"       # or "float64"

# What is compared: every optimizer with every batch strategy, over a range of learning rates.
# See: overshoot list optimizers. With options: {{ name = "momentum", momentum = 0.99 }}
optimizers = ["sgd", "momentum", "adam"]
batches = {batches}         # samples a batch; "full" takes all {samples} training samples

[budget]                    # how long a trial trains: at least so many examples and whole epochs
examples = 6_000
epochs = 60

[sweep]                     # a grid of learning rates, with so many starts each
replicates = 2

[search]                    # the best rate of each cell, by Optuna
trials = 14
startup = 8
batch = 6

[confirm]                   # the tuned and the default rate again, with other starts
replicates = 10

[limit]                     # the stability limit, measured to 1 %
precision = 0.01

# Networks: units of the hidden layers; none is a linear model, where theory is exact.
[networks.linear]
hidden = []

[networks.small]
hidden = [16]
activation = "tanh"

# What is trained on: each dataset with each network that a table names.
{about}
[[problems]]
datasets = [{dataset}]
network = "linear"

[[problems]]
datasets = [{dataset}]
network = "small"
"""


def write(path: Path, data: str | None, options: Mapping[str, Any]) -> list[str]:
    """Write an experiment to `path` that trains on the file `data` as `options` read it, or on iris where
    there is none; what was understood of the data.

    SpecError where `path` is there already, and for data that cannot be learnt from.
    """
    if path.exists():
        raise SpecError(f"{path}: it exists already: name another file, or remove it")
    chosen = question(data or "iris", options)[0].dataset
    text = _text(path, data, chosen, options)
    spec.parse(text, str(path), path.parent)
    path.write_text(text, encoding="utf-8")
    return describe(chosen, 0)


def _text(path: Path, data: str | None, chosen: Choice, options: Mapping[str, Any]) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._") or "mine"
    samples = train_size(chosen)
    sizes = [size for size in (32, 1) if size < samples]
    title = f"What every optimizer does on {Path(data).name if data else 'iris'}"
    notes = [*describe(chosen, 0), f"(its task is {task_of(chosen)!r})"]
    return TEMPLATE.format(
        title=title,
        title_text=json.dumps(title, ensure_ascii=False),
        file=path,
        name=name,
        batches=json.dumps(["full", *sizes]),
        samples=samples,
        about="\n".join(f"# {line}" for line in notes),
        dataset=_entry(path, data, chosen, options),
    )


def _entry(path: Path, data: str | None, chosen: Choice, options: Mapping[str, Any]) -> str:
    if data is None:
        return '"iris"'
    source = Path(dict(chosen.options)["path"])
    try:
        place = source.relative_to(path.parent.resolve())
    except ValueError:
        place = source
    values = {"name": chosen.name, "path": place.as_posix(), **options}
    entries = [f"{key} = {_toml(value)}" for key, value in values.items()]
    return "{ " + ", ".join(entries) + " }"


def _toml(value: Any) -> str:
    """Text, or a list of texts; JSON's strings are TOML's."""
    return json.dumps([*value] if isinstance(value, tuple) else value, ensure_ascii=False)
