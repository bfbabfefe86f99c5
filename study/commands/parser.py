"""The commands, their arguments and their help."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from overshoot.core.names import suggest
from overshoot.study.commands import arguments, listing
from overshoot.study.execution.provenance import cores
from overshoot.study.execution.shard import Shard

FORMATS = ("parquet", "csv", "optuna")
ENGINES = ("processes", "dask")
SHELLS = ("bash", "zsh", "tcsh")
RESULTS = Path("results")

Arguments = Callable[[argparse.ArgumentParser], None]


class Parser(argparse.ArgumentParser):
    """A parser that names the nearest command or option where one is not known."""

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        self.commands: dict[str, Parser] = {}

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options; where they are wrong, an error and exit status 2."""
        first = arguments[0] if arguments else None
        if first is not None and not first.startswith("-") and first not in self.commands:
            known = ", ".join(self.commands)
            self.error(f"no command {first!r}{suggest(first, self.commands)}\nthere are: {known}")
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            command = self.commands[options.named]
            wrong = [name for name in unknown if name.startswith("-")] or unknown
            command.error(
                "\n".join(f"{name} is not known here{suggest(name, command.options)}" for name in wrong)
            )
        return options

    @property
    def options(self) -> list[str]:
        """As they are typed, dashes included."""
        return [name for action in self._actions for name in action.option_strings]


class _Version(argparse.Action):
    """Looked up when it is asked for: that takes time."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        import overshoot

        print(f"overshoot {overshoot.__version__}")
        parser.exit()


def parser(about: str, run: Mapping[str, Callable[..., int]]) -> Parser:
    """The parser of all COMMANDS; each one's options have what `run` holds for it as their `command`."""
    top = Parser(prog="overshoot", description=about)
    top.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for name, (help_text, add) in COMMANDS.items():
        sub = top.commands[name] = commands.add_parser(name, help=help_text, description=help_text)
        sub.set_defaults(command=run[name], named=name)
        add(sub)
    return top


def _run(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, help="the experiment file, such as experiments/quick.toml")
    command.add_argument(
        "--no-report", action="store_true", help="train only; write the report later with: report"
    )
    command.add_argument(
        "--engine",
        **arguments.among(ENGINES),
        default=ENGINES[0],
        help="what runs the cells: processes of this machine, or a Dask cluster (default: %(default)s)",
    )
    command.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="address of a Dask cluster, tls://HOST:PORT (default: a cluster on this machine alone)",
    )
    command.add_argument(
        "--shard",
        type=_shard,
        metavar="K/N",
        help="run part K of N of the cells, for array jobs, without a report; merge combines the parts",
    )
    _workers(command)
    _results(command)


def _merge(command: argparse.ArgumentParser) -> None:
    command.add_argument("stores", nargs="+", type=Path, metavar="FOLDER", help="results folders to merge")
    _results(command)


def _report(command: argparse.ArgumentParser) -> None:
    command.add_argument("experiment", help="an experiment file, or the name of a stored experiment")
    command.add_argument(
        "--copy",
        type=Path,
        metavar="FOLDER",
        help="also copy the Markdown report there, overwriting an existing copy",
    )
    _workers(command)
    _results(command)


def _list(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "what",
        nargs="?",
        default="studies",
        **arguments.among(["studies", *listing.REGISTERED]),
        help="what to list (default: the stored experiments)",
    )
    _results(command)


def _optimizers(command: argparse.ArgumentParser) -> None:
    command.set_defaults(what="optimizers")


def _explain(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "run", help="the run's id in MLflow, the beginning of it, or the address of its page"
    )
    _results(command)


def _compare(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--pair",
        nargs=2,
        action="append",
        default=[],
        metavar=("OF_A", "OF_B"),
        help="compare these optimizers or batches: --pair momentum 'momentum(momentum=0.99)'; repeatable",
    )
    for name in ("a", "b"):
        command.add_argument(
            name,
            metavar=name.upper(),
            help="the name of a stored experiment, a version of it (NAME@first, NAME@latest, or as it was at "
            "a time in UTC, NAME@2026-07-28T12:30), or an experiment file",
        )
    _results(command)


def _check(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, help="the Python file that registers them")


def _new(command: argparse.ArgumentParser) -> None:
    command.add_argument("data", nargs="?", help="the path of your file (default: a template on iris)")
    arguments.add_reading(command)
    command.add_argument(
        "--to",
        type=Path,
        metavar="FILE",
        help="the experiment file (default: named as your file, or new.toml)",
    )


def _export(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", help="the name of a stored experiment")
    command.add_argument(
        "--format", default=FORMATS[0], help="file format (default: %(default)s)", **arguments.among(FORMATS)
    )
    command.add_argument(
        "--to", type=Path, metavar="FOLDER", help="where to write (default: RESULTS/NAME/tables)"
    )
    _results(command)


def _estimate(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", type=Path, help="the experiment file")
    _workers(command)


def _race(command: argparse.ArgumentParser) -> None:
    arguments.add_race(command)
    _results(command)


def _check_store(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--retire", action="store_true", help="move damaged cells into MLflow's trash, to be trained anew"
    )
    _results(command)


def _ui(command: argparse.ArgumentParser) -> None:
    about = "port (default: 5000, or the next free one)"
    command.add_argument("--port", type=int, default=None, help=about)
    _results(command)


def _completion(command: argparse.ArgumentParser) -> None:
    command.add_argument("shell", help="the shell", **arguments.among(SHELLS))


def _workers(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--workers",
        type=arguments.count,
        default=cores(),
        help="number of processes (default: one per core, here %(default)s)",
    )


def _results(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--results",
        type=Path,
        default=RESULTS,
        help="folder for everything that is generated (default: results)",
    )


def _shard(text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


COMMANDS: dict[str, tuple[str, Arguments]] = {
    "run": ("train the cells of an experiment that are not stored yet, then write the report", _run),
    "merge": ("combine several stores into one, such as those of array jobs", _merge),
    "report": ("write the report of a stored experiment again, without training", _report),
    "list": ("list the stored experiments, or the names that an experiment file may use", _list),
    "optimizers": ("short for: list optimizers", _optimizers),
    "explain": ("explain what happened in one stored run, and why, with a figure", _explain),
    "compare": ("show what changed between two experiments, or two versions of one", _compare),
    "advise": (
        "recommend learning rates for a dataset and a network, and explain why",
        arguments.add_question,
    ),
    "check": ("check whether optimizers, losses and other methods of your own work as they must", _check),
    "new": ("write a commented experiment to start from, for a file of your own or as a template", _new),
    "export": (
        "write a stored study's trials, curves and cells as tables, or its searches for optuna-dashboard",
        _export,
    ),
    "estimate": ("show how many trials an experiment would train and how long that takes", _estimate),
    "lessons": ("write the lessons, interactive pages that open from disk", _results),
    "race": ("draw optimizers racing on a surface, as a film for slides (GIF)", _race),
    "check-store": ("check every stored file, and report what is damaged", _check_store),
    "ui": ("open the stored runs in the MLflow UI, on this machine only", _ui),
    "completion": ("print a script that lets a shell complete commands and options", _completion),
}
"""Name -> what it does, and what adds its arguments."""
