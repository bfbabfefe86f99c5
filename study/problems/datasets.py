"""Datasets as an experiment names them: checked, pinned to their content, loaded and split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from overshoot.core.domain import RealRange, check_hyper
from overshoot.core.names import lookup, suggest
from overshoot.study.experiment.cells import Choice
from overshoot.study.problems import made, own  # they enter their blocks in the registry
from overshoot.study.problems.columns import Raw
from overshoot.study.problems.registry import DATASETS, Domain
from overshoot.study.problems.seeds import seed
from overshoot.study.problems.splitting import (
    Split,
    parts_of,
    split_own,
    split_with,
    train_rows,
)

__all__ = ["DATASETS", "LOSS", "Raw", "Split", "check_options", "load", "pinned", "task_of", "train_size"]
REGISTERED = (made, own)

LOSS = {"classes": "softmax_cross_entropy", "binary": "binary_cross_entropy", "real": "half_mse"}

IDENTITY = ("digest", "label")
"""Options of every dataset of one's own that say which it is, and not how it is read."""

KEPT: dict[str, Raw] = {}
"""Digest -> data that were kept with results, for those whose file is gone."""


def located(choice: Choice, folder: Path) -> Choice:
    """The choice with its path made whole: ~ is the home, and others begin at `folder`."""
    options = dict(choice.options)
    if isinstance(options.get("path"), str) and options["path"]:
        options["path"] = str((folder / Path(options["path"]).expanduser()).resolve())
    return Choice(
        choice.name, tuple(sorted((k, tuple(v) if isinstance(v, list) else v) for k, v in options.items()))
    )


def pinned(choice: Choice) -> Choice:
    """The choice with the digest of its data, where they are somebody's own: other content, other results."""
    if not DATASETS[choice.name].own or "digest" in dict(choice.options):
        return choice
    return Choice(choice.name, tuple(sorted([*choice.options, ("digest", raw_of(choice).digest)])))


def distinct(choices: Sequence[Choice]) -> list[Choice]:
    """The choices, with as much of their paths in their labels as distinguishes two files of one name."""
    counts = Counter(choice.id for choice in choices)
    content = Counter((choice.id, choice.identity) for choice in choices)
    return [
        _labelled(choice) if counts[choice.id] > content[choice.id, choice.identity] else choice
        for choice in choices
    ]


def _labelled(choice: Choice) -> Choice:
    options = dict(choice.options)
    path = Path(options.get("path", ""))
    name = f"{path.parent.name}/{path.name}" if path.name else choice.name
    return Choice(choice.name, tuple(sorted({**options, "label": f"{name} {options['digest'][:6]}"}.items())))


def check_options(choice: Choice) -> None:
    """ValueError when the dataset is unknown, an option is unknown or outside its domain, or the data
    are not such as can be learnt from."""
    known = lookup(DATASETS, choice.name, "dataset")
    options = known.options | (dict.fromkeys(IDENTITY, "") if known.own else {})
    for option, value in choice.options:
        if option not in options:
            allowed = ", ".join(key for key in options if key != "digest") or "none"
            raise ValueError(
                f"{choice.name}: unknown option {option!r}{suggest(option, options)} (allowed: {allowed})"
            )
        _check_option(choice.name, option, value, options[option], known.domains.get(option, ()))
    for option in [option for option, default in options.items() if default is None]:
        if option not in dict(choice.options):
            raise ValueError(f"{choice.name}: {option} is missing; it must be said")
    raw_of(choice)


def _check_option(name: str, option: str, value: Any, default: Any, domain: Domain) -> None:
    if isinstance(domain, RealRange):
        check_hyper(name, option, value, domain)
        if not isinstance(value, (int, type(default))):
            raise ValueError(f"{name}: {option} must be a whole number, got {value!r}")
    elif isinstance(domain, tuple):
        if not isinstance(value, str) or not value or (domain and value not in domain):
            what = f"one of {', '.join(domain)}" if domain else "text"
            raise ValueError(f"{name}: {option} must be {what}, got {value!r}{suggest(str(value), domain)}")
    elif not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{name}: {option} must be a list of names of columns, got {value!r}")


def ready(choice: Choice, folder: Path, seed: int) -> Choice:
    """The choice as cells have it: its path from `folder` made whole, checked, pinned to its data.

    ValueError as `check_options`, and where somebody's own data cannot be learnt from as `seed` splits them.
    """
    choice = located(choice, folder)
    check_options(choice)
    choice = pinned(choice)
    if DATASETS[choice.name].own:
        load(choice, seed)
    return choice


def raw_of(choice: Choice) -> Raw:
    """The data as they come; ValueError where they are not those that the choice is pinned to."""
    options = dict(choice.options)
    digest, path = options.get("digest", ""), options.get("path", "")
    if digest in KEPT:
        return KEPT[digest]
    bare = Choice(choice.name, tuple((k, v) for k, v in choice.options if k not in IDENTITY))
    raw = _made(bare, lookup(DATASETS, bare.name, "dataset").make, _stamp(path))
    if digest and raw.digest != digest:
        raise ValueError(f"{path or choice.id}: it has changed since its results were made")
    return raw


def columns_of(choice: Choice) -> list[str]:
    """The columns of somebody's own data, of which one is to be the target; ValueError as `raw_of`."""
    read = DATASETS[choice.name].read
    return [] if read is None else list(read(**dict(choice.options)).frame.columns)


def keep(raw: Raw) -> None:
    """Take these data for those of their digest, wherever that is asked for in this process."""
    KEPT[raw.digest] = raw


def _stamp(path: str) -> tuple[int, int]:
    """What changes when a file does: it is read again then."""
    try:
        known = Path(path).stat()
    except OSError:
        return 0, 0
    return known.st_mtime_ns, known.st_size


@lru_cache(maxsize=8)
def _made(choice: Choice, make: Callable[..., Raw], stamp: tuple[int, int]) -> Raw:
    """What `make` gives; kept by the maker too, since a plugin that is loaded again has another."""
    return make(**dict(choice.options))


def task_of(choice: Choice) -> str:
    """ "classes", "binary" or "real"."""
    return lookup(DATASETS, choice.name, "dataset").task or raw_of(choice).task


def load(choice: Choice, root: int) -> Split:
    """The named dataset in 60 % train, 20 % validation and 20 % test, by the seed of its split.

    Classes are split in proportion. Inputs are scaled by the dataset's scaler, and the targets of a
    regression standardised, both fitted on the training part alone. The seed of somebody's own data comes
    from their content. ValueError where they cannot be learnt from as they are split.
    """
    known, task, raw = lookup(DATASETS, choice.name, "dataset"), task_of(choice), raw_of(choice)
    seeds = {part: _split_seed(root, choice, part) for part in ("test", "validation")}
    parts = parts_of(raw, task, seeds)
    if known.own:
        return split_own(raw, parts, f"{choice.id} with seed {root}")
    return split_with(raw, parts, task, known.scaler(**{**known.options, **dict(choice.options)}))


def train_size(choice: Choice) -> int:
    """Training samples of a dataset, without splitting it."""
    return train_rows(len(raw_of(choice).y))


def _split_seed(root: int, choice: Choice, part: str) -> int:
    return seed(root, "split", dataset=choice.identity, part=part) % 2**32  # what scikit-learn takes
