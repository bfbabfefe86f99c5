"""The handbook's pages that the code writes: called by mkdocs, which mkdocs.yml tells of this file.

What a page says of a name, a default or a command is read where the program itself reads it.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overshoot.core import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES, domains
from overshoot.core.batches import ORDERS
from overshoot.core.domain import Option
from overshoot.core.schedules import domains as schedule_domains
from overshoot.study.cli import RUN
from overshoot.study.commands import key_reference
from overshoot.study.commands.parser import parser
from overshoot.study.problems.datasets import DATASETS

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parent.parent
COPIES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
REPORTS = {"reference": "results/reference", "reference-atlas": "results/reference-atlas"}
"""Folder in the handbook -> the reference report that is kept in the repository."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated, and what lies in the repository but not in docs."""
    from mkdocs.structure.files import File

    for name, page in PAGES.items():
        files.append(File.generated(config, name, content=page()))
    for copy in COPIES:
        name = "index.md" if copy == "README.md" else copy
        files.append(File.generated(config, name, content=_moved((ROOT / copy).read_text("utf-8"))))
    files.append(File.generated(config, "CITATION.cff", abs_src_path=str(ROOT / "CITATION.cff")))
    for folder, source in REPORTS.items():
        for path in sorted((ROOT / source).rglob("*")):
            if path.is_file():
                place = f"{folder}/{path.relative_to(ROOT / source).as_posix()}"
                files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def _moved(text: str) -> str:
    """A page of the repository's root as one of the handbook: its links begin in docs."""
    for folder, source in REPORTS.items():
        text = text.replace(f"]({source}/", f"]({folder}/")
    return text.replace("](docs/", "](").replace("](README.md", "](index.md")


def optimizers() -> str:
    """Every optimizer: rule, source, where others differ, and every hyperparameter with what it does."""
    parts = [
        "# Every optimizer",
        "`theta` are the parameters, `g_t` is the gradient of update t, `lr` the learning rate; products and "
        "roots are taken element by element unless a rule says otherwise. *Searched* are the rates among "
        "which the default study tunes the method.",
    ]
    for name, cls in OPTIMIZERS.items():
        low, high = cls.search
        facts = f"`{name}`. {cls.paper}. Defaults of {cls.defaults}. Searched from {low:g} to {high:g}."
        parts += [f"## {cls.label}", facts, _block(cls), _options(domains(name))]
    return _page(parts)


def building_blocks() -> str:
    """Schedules, losses, activations, initial weights, orders of batches, datasets."""
    parts = ["# Schedules, losses, activations, datasets"]
    parts.append("## Learning-rate schedules")
    for name, kind in SCHEDULES.items():
        parts += [f"### {kind.label}", f"`{name}`", _block(kind), _options(schedule_domains(name))]
    parts += ["## Losses", _table("name | loss | targets", LOSSES, lambda x: f"{x.label} | {x.targets}")]
    parts += [
        "## Activations",
        _table("name | f(z) | suited to", ACTIVATIONS, lambda x: f"`{x.about}` | {x.initializer}"),
    ]
    parts += ["## Initial weights", _table("name | weights", INITIALIZERS, lambda x: x.about)]
    parts += [
        "## Orders of batches",
        _table("name | order | about", ORDERS, lambda x: f"{x.label} | {x.about}"),
    ]
    parts += [
        "## Datasets",
        _table("name | task | about", DATASETS, lambda x: f"{x.task or 'depends on the target'} | {x.about}"),
    ]
    return _page(parts)


def commands() -> str:
    """What `--help` says of every command."""
    top = parser("", RUN)
    parts = [
        "# Every command",
        "`overshoot COMMAND --help` says the same. Exit status: 0 done, 1 some cells "
        "failed, 2 the input was wrong, 3 the store or the disk failed, 130 stopped, 141 nobody reads the "
        "output any more.",
    ]
    for name, command in top.commands.items():
        parts += [
            f"## {name}",
            _sentence(command.description or ""),
            "```\n" + command.format_usage() + "```",
        ]
        rows = [f"| {_names(action)} | {_sentence(_help(action))} |" for action in _arguments(command)]
        if rows:
            parts.append("\n".join(["| argument | meaning |", "| --- | --- |", *rows]))
    return _page(parts)


def api() -> str:
    """All of `core`'s public names, from their docstrings, by mkdocstrings."""
    return "# Everything in the core\n\n::: overshoot.core\n"


PAGES: dict[str, Callable[[], str]] = {
    "optimizers.md": optimizers,
    "building-blocks.md": building_blocks,
    "commands.md": commands,
    "keys.md": key_reference.markdown,
    "api.md": api,
}


def _arguments(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    return (action for action in command._actions if action.dest != "help")


def _names(action: argparse.Action) -> str:
    names = ", ".join(f"`{name}`" for name in action.option_strings) or f"`{action.metavar or action.dest}`"
    if action.choices is not None:
        names += ": " + ", ".join(f"`{choice}`" for choice in action.choices)
    return names


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % vars(action)
    return text.replace("|", "\\|")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _block(kind: type) -> str:
    """A docstring as it stands: its lines are formulas."""
    return "```text\n" + inspect.cleandoc(kind.__doc__ or "") + "\n```"


def _options(known: Mapping[str, Option]) -> str:
    rows = [f"| `{key}` | {o.default:g} | {o.domain} | {o.about} |" for key, o in known.items()]
    if not rows:
        return "No hyperparameters."
    return "\n".join(
        ["| hyperparameter | default | may be | what it does |", "| --- | --- | --- | --- |", *rows]
    )


def _table(head: str, known: Mapping[str, Any], of: Callable[[Any], str]) -> str:
    rows = [f"| `{name}` | {of(entry)} |" for name, entry in known.items()]
    return "\n".join([f"| {head} |", "|" + " --- |" * (head.count("|") + 1), *rows])


def _page(parts: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n\n".join(parts)) + "\n"
