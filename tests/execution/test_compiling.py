"""What is compiled for a run is kept on disk, and not by the process that starts its workers."""

from __future__ import annotations

from rich.console import Console

from overshoot.core.compiled import build
from overshoot.study.execution.compiling import compile_for
from tests.builders import cell


def test_the_process_that_starts_the_workers_holds_nothing_that_is_compiled() -> None:
    before = build.compiled.cache_info()
    compile_for([cell()], Console(quiet=True))
    assert build.compiled.cache_info() == before
