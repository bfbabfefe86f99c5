"""Train every optimizer at every learning rate, and see where each converges, crawls or blows up.

The command line: `overshoot COMMAND`. Exit status: 0 done, 1 some cells failed, 2 the input was wrong,
3 the store or the disk failed, 130 stopped (Ctrl-C or SIGTERM), 141 the reader of the output went away.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import track

from overshoot.study import spec
from overshoot.study.commands import arguments, listing
from overshoot.study.commands.parser import Parser, parser
from overshoot.study.execution.engine import Engine, EngineError
from overshoot.study.execution.provenance import provenance
from overshoot.study.files import UnsafeError, inside
from overshoot.study.tracking.errors import StoreError, failure

if TYPE_CHECKING:
    from overshoot.study.tracking import Store


class Output(Console):
    """The terminal, which shows a text as it is: brackets in a name or a path are no markup.

    A closed pipe is an error here, where rich would exit with 1.
    """

    def __init__(self, width: int | None = None):
        super().__init__(highlight=False, markup=False, emoji=False, width=width)

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def _say(error: object) -> None:
    """An error; what would command the terminal, or turn its text, is spelled out."""
    shown = (c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in f"error: {error}")
    print("".join(shown), file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = _parser().parse(sys.argv[1:] if arguments is None else arguments)
    command: Callable[[argparse.Namespace, Console], int] = options.command
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    console = Output(None if sys.stdout.isatty() else 120)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have background jobs ignore it
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return command(options, console)
    except (spec.SpecError, StoreError, UnsafeError) as error:
        _say(error)
        return 2
    except EngineError as error:
        _say(error)
        return 3
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it exits
        return 128 + signal.SIGPIPE
    except Exception as error:
        if (said := failure(error)) is None:
            raise
        _say(said)
        return 3
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C has nothing more to stop
        print("stopped: what was finished is stored; run the same command again to continue", file=sys.stderr)
        return 130


def _parser() -> Parser:
    return parser(__doc__.splitlines()[0], RUN)


def _completion(options: argparse.Namespace, console: Console) -> int:
    import shtab

    print(shtab.complete(_parser(), options.shell))
    return 0


def _open(results: Path, reading: bool = False) -> Store:
    from overshoot.study.tracking import open_store  # MLflow takes more than a second to import

    try:
        return open_store(results, reading=reading)
    except OSError as error:
        raise StoreError(f"{results}: cannot hold the results: {error.strerror}") from None


def _engine(options: argparse.Namespace) -> Engine:
    if options.engine == "processes" and options.scheduler is None:
        from overshoot.study.execution.processes import Processes

        return Processes(options.workers)
    try:
        from overshoot.study.execution.cluster import Cluster
    except ModuleNotFoundError as error:
        raise EngineError(
            f"a Dask cluster needs the package {error.name}, which is not installed "
            "(.venv/bin/pip install -e '.[dask]')"
        ) from None
    return Cluster(options.scheduler, options.workers)


def _run(options: argparse.Namespace, console: Console) -> int:
    experiment = spec.load(options.file)
    from overshoot.study.pipeline import Account, train_missing, write_report
    from overshoot.study.problems.description import describe_own

    for line in listing.loaded(experiment.plugins):
        console.print(line)
    for line in describe_own(experiment.cells):
        console.print(line, markup=False)
    account, engine = Account(), _engine(options)
    asked = experiment
    if options.shard is not None:
        asked = dataclasses.replace(experiment, cells=options.shard.of(experiment.cells))
    with closing(_open(options.results)) as store:
        train_missing(asked, store, engine, console, account)
        if not options.no_report and options.shard is None:
            folder = inside(options.results, options.results / experiment.name)
            facts = _facts(store, experiment.name, trained=account.cells > 0)
            page = write_report(experiment.outline, store, folder, options.workers, account, facts)
            console.print(f"report: {page}")
        else:
            store.log_study(experiment.name, experiment.text, provenance(), None, experiment.outline.keys)
    for line in account.lines():
        console.print(line)
    for failed in account.failures:
        print(f"\n{failed.cell.label} failed:\n{failed.error}", file=sys.stderr)
    return 1 if account.failures else 0


def _facts(store: Store, study: str, trained: bool) -> dict[str, str]:
    """What a study was run with: now, where cells were trained or nothing is known of a run before."""
    return provenance() if trained or not store.is_logged(study) else store.study_provenance(study)


def _merge(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.commands.merge import merge
    from overshoot.study.numbers import plural

    with ExitStack() as stack:
        others = [
            (str(folder), stack.enter_context(closing(_open(folder, reading=True))))
            for folder in options.stores
        ]
        store = stack.enter_context(closing(_open(options.results)))
        merged = merge(store, others, lambda line: console.print(line, markup=False))
    console.print(
        f"{plural(merged.taken, 'cell')} taken, {merged.doubles:,} were there already, "
        f"{plural(len(merged.conflicts), 'conflict')}"
    )
    for conflict in merged.conflicts:
        print(f"conflict: {conflict}", file=sys.stderr)
    return 1 if merged.conflicts else 0


def _report(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.pipeline import Account, write_report
    from overshoot.study.tracking import studies

    copied = _copying(options.copy)
    file = Path(options.experiment)
    with closing(_open(options.results, reading=True)) as store:
        study = studies.of_file(store, file) if file.suffix == ".toml" else studies.named(store, str(file))
        facts = _facts(store, study.name, trained=False)
        folder = inside(options.results, options.results / study.name)
        page = write_report(study, store, folder, options.workers, Account(), facts)
    console.print(f"report: {page}")
    if copied is not None:
        console.print(f"copy: {copied(folder)}")
    return 0


def _copying(target: Path | None) -> Callable[[Path], Path] | None:
    """What copies a report into `target`, which has been looked at; None for none."""
    if target is None:
        return None
    from overshoot.study.report import reference_copy  # it draws, and imports what that needs

    try:
        reference_copy.check(target)
    except FileExistsError as error:
        raise StoreError(str(error)) from None
    return partial(reference_copy.keep, copy=target)


def _estimate(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.execution import memory
    from overshoot.study.execution.cost import cost, wall_seconds
    from overshoot.study.numbers import plural

    experiment = spec.load(options.file)
    costs = [cost(cell) for cell in experiment.cells]
    trials, updates = sum(c.trials for c in costs), sum(c.updates for c in costs)
    seconds = wall_seconds(costs, options.workers)
    time = f"{seconds / 60:.1f} minutes" if seconds > 90 else f"{seconds:.0f} seconds"
    console.print(f"{experiment.name}: {plural(len(costs), 'cell')}, {trials:,} trials, {updates:,} updates")
    console.print(f"about {time} on {plural(options.workers, 'worker')}, the report included")
    largest = max(memory.peak(cell) for cell in experiment.cells)
    needed = memory.together(experiment.cells, options.workers)
    console.print(f"about {memory.shown(largest)} of memory a worker, {memory.shown(needed)} in all")
    return 0


def _list(options: argparse.Namespace, console: Console) -> int:
    if options.what in listing.REGISTERED:
        console.print(listing.REGISTERED[options.what]())
    else:
        with closing(_open(options.results, reading=True)) as store:
            console.print(listing.studies(store))
    return 0


def _explain(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.explain import explain

    with closing(_open(options.results, reading=True)) as store:
        explanation = explain(store, options.run, options.results)
    console.print(explanation.title, style="bold")
    for heading, sentences in explanation.sections:
        console.print(f"\n{heading}", style="bold")
        for sentence in sentences:
            console.print(sentence)
    if explanation.figure is not None:
        console.print(f"\nfigure: {explanation.figure}", soft_wrap=True)
    return 0


def _compare(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study import compare

    with closing(_open(options.results, reading=True)) as store:
        a, b = (compare.side(store, name) for name in (options.a, options.b))
        comparison = compare.compare(a, b, options.pair)
    console.print("Settings that differ, in the cells that both have:", style="bold")
    for line in comparison.settings or ["none"]:
        console.print(line)
    console.print()
    for sentence in compare.sentences(comparison):
        console.print(sentence)
    if any(change.changed and not change.same for change in comparison.changes):
        console.print(listing.changes(comparison))
    document = compare.write(comparison, options.results)
    console.print(f"every cell: {document}", soft_wrap=True)
    if compare.draw(comparison, document.with_suffix(".png")):
        console.print(f"rate curves: {document.with_suffix('.png')}", soft_wrap=True)
    return 0


def _advise(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.commands.advise import advise, notes, question
    from overshoot.study.problems import plugins
    from overshoot.study.problems.description import describe

    try:
        loaded = [plugins.load(path.expanduser().resolve()) for path in options.plugins]
    except ValueError as error:
        raise spec.SpecError(str(error)) from None
    for line in listing.loaded(loaded):
        console.print(line)
    asked = ("dataset", "hidden", "activation", "optimizers", "batches", "seed")
    cells = question(options=_wishes(options), **{name: getattr(options, name) for name in asked})
    for line in describe(cells[0].dataset, options.seed):
        console.print(line)
    advices = [advise(cell) for cell in track(cells, "probing", console=console, transient=True)]
    console.print(listing.advice(advices))
    for note in notes(advices):
        console.print(note)
    return 0


def _lessons(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.lessons import write  # the plotting libraries take a second to import

    console.print(f"lessons: {write(options.results / 'lessons')}", markup=False, soft_wrap=True)
    return 0


def _race(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.commands.race import race

    file = race(options.surface, options.optimizers, options.steps, options.results)
    console.print(f"race: {file}", markup=False, soft_wrap=True)
    return 0


def _check_store(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.commands.checking import check

    with closing(_open(options.results, reading=True)) as store:
        seen = check(store, options.retire)
    for line in seen.lines or ["no study is stored"]:
        console.print(line, soft_wrap=True)
    return 0 if seen.sound else 1


def _check(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.commands.check import check

    console.print(f"plugin {options.file} is run")
    faults_of = check(options.file)
    for method, faults in faults_of.items():
        console.print(f"{method}: {'keeps its contract' if not faults else f'{len(faults)} violated'}")
        for fault in faults:
            console.print(f"  {fault}")
    return 1 if any(faults_of.values()) else 0


def _new(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.commands.new import write

    path = options.to or Path(f"{Path(options.data).stem}.toml" if options.data else "new.toml")
    for line in write(path, options.data, _wishes(options)):
        console.print(line)
    console.print(f"experiment: {path}")
    return 0


def _export(options: argparse.Namespace, console: Console) -> int:
    folder = options.to or inside(options.results, options.results / options.name / "tables")
    with closing(_open(options.results, reading=True)) as store:
        if options.format == "optuna":
            from overshoot.study.commands import searches

            file = searches.write(store, options.name, folder / "searches.log")
            console.print(f"searches: {file}", soft_wrap=True)
            return 0
        from overshoot.study.commands.frames import export, frames

        tables = frames(store, options.name)
    for path in export(tables, folder, options.format):
        console.print(f"table: {path}", soft_wrap=True)
    return 0


def _wishes(options: argparse.Namespace) -> dict[str, Any]:
    """The options of a file of one's own that were given."""
    given = {name: getattr(options, name) for name in ("target", *arguments.COLUMNS, *arguments.READING)}
    return {k: tuple(v) if isinstance(v, list) else v for k, v in given.items() if v is not None}


def _ui(options: argparse.Namespace, console: Console) -> int:
    from overshoot.study.tracking.server import serve

    serve(options.results, os.environ.get("MLFLOW_TRACKING_URI"), options.port)
    return 0


RUN: dict[str, Callable[[argparse.Namespace, Console], int]] = {
    "run": _run,
    "merge": _merge,
    "report": _report,
    "list": _list,
    "optimizers": _list,
    "explain": _explain,
    "compare": _compare,
    "advise": _advise,
    "check": _check,
    "new": _new,
    "export": _export,
    "estimate": _estimate,
    "lessons": _lessons,
    "race": _race,
    "check-store": _check_store,
    "ui": _ui,
    "completion": _completion,
}
