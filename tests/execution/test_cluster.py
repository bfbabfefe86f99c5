"""A Dask cluster as the engine. Real schedulers and workers, really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import dask
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overshoot.study.execution import cluster
from overshoot.study.execution.cluster import Cluster, check_address, chunks
from overshoot.study.execution.cost import cost
from overshoot.study.execution.engine import EngineError, Failure
from overshoot.study.execution.packing import pack, unpack
from overshoot.study.execution.processes import Processes
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.results import CellResult
from tests.builders import cell, same
from tests.execution.certificates import as_variables, write_certificates
from tests.execution.hosts import Host, hosts

CELLS = [cell(optimizer=o, batch=b) for o in ("sgd", "momentum", "adam") for b in (None, 16, 1)]
BIG = CELLS * 40


@pytest.fixture(scope="module")
def expected() -> dict[str, CellResult]:
    return {r.cell.key: r for r in Processes(2).run(CELLS) if isinstance(r, CellResult)}


def check(results: list[CellResult | Failure], expected: dict[str, CellResult]) -> None:
    """Each cell came once, with the bits that it has on this machine's own processes."""
    assert sorted(r.cell.key for r in results) == sorted(expected)
    for result in results:
        assert isinstance(result, CellResult), result
        same(result, expected[result.cell.key])
        assert result.summary.parts == expected[result.cell.key].summary.parts


@given(st.integers(1, 40), st.integers(1, len(BIG)))
def test_cells_go_out_in_order_and_small_ones_together(workers: int, n: int) -> None:
    made = chunks(BIG[:n], workers)
    assert [c for chunk in made for c in chunk.cells] == BIG[:n]
    most = sum(cost(c).seconds for c in BIG[:n]) / (cluster.WINDOW * workers)
    for chunk in made:
        assert len(chunk.cells) == 1 or sum(cost(c).seconds for c in chunk.cells) <= min(most, 30) + 1e-9


def test_results_come_back_as_they_were() -> None:
    result = run_cell(cell(optimizer="momentum", batch=1))
    failed = Failure(CELLS[0], "Traceback: ü")
    back, error = unpack([result.cell, failed.cell], pack([result, failed]))
    assert isinstance(back, CellResult)
    assert error == failed
    same(back, result)
    assert back.summary == result.summary
    assert back.states.keys() == result.states.keys()
    assert all((back.states[i] == result.states[i]).all() for i in result.states)
    for damaged in (b"", b"PK", pack([]), pack([result])[:-40]):
        with pytest.raises((ValueError, OSError)):
            unpack([result.cell], damaged)
    with pytest.raises(ValueError, match="was asked for"):
        unpack([CELLS[0]], pack([result]))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("tcp://10.0.0.5:8786", "would not be encrypted"),
        ("tcp://cluster.example:8786", "would not be encrypted"),
        ("localhost:8786", "expected a scheduler's address"),
        ("http://127.0.0.1:8786", "expected a scheduler's address"),
        ("", "expected a scheduler's address"),
    ],
)
def test_another_machine_is_reached_with_encryption_alone(address: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        check_address(address)
    for good in (
        "tcp://127.0.0.1:8786",
        "tcp://localhost:1",
        "tcp://[::1]:8786",
        "tls://cluster.example:8786",
    ):
        check_address(good)


def test_where_no_scheduler_is_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.2)
    with pytest.raises(EngineError, match=r"no Dask scheduler at tcp://127\.0\.0\.1:1"):
        next(Cluster("tcp://127.0.0.1:1").run(CELLS))


class Planted:
    """What a worker that somebody else controls could send: unpickled, it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.file),)


@pytest.mark.slow
def test_on_this_machine_it_is_what_processes_compute(
    expected: dict[str, CellResult], tmp_path: Path
) -> None:
    engine = Cluster(None, 2)
    check(list(engine.run(CELLS)), expected)
    with engine._client() as client:
        assert {address.rpartition(":")[0] for address in client.nthreads()} == {"tcp://127.0.0.1"}
        # Made and sent by a worker; it must not come to life here, which alone knows this folder.
        planted = client.submit(Planted, tmp_path / "made", pure=False)
        with pytest.raises(Exception, match=r"(?i)serializ"):
            planted.result()
    assert not (tmp_path / "made").exists()


@contextmanager
def program(host: Host, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of Dask's programs, until the end of the block."""
    started = start(host, *arguments, **environment)
    try:
        yield started
    finally:
        end(started)


def start(host: Host, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*host.prefix, sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )


def end(*processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        process.send_signal(signal.SIGKILL)
        process.wait()


def scheduler_at(host: Host, file: Path, *more: str) -> tuple[str, ...]:
    return (
        *("scheduler", "--host", host.address, "--port", "0", "--no-dashboard"),
        *("--scheduler-file", str(file), *more),
    )


def worker_at(host: Host, address: str, folder: Path) -> tuple[str, ...]:
    return (
        *("worker", address, "--host", host.address, "--no-nanny", "--nthreads", "1", "--no-dashboard"),
        *("--local-directory", str(folder)),
    )


def address_in(file: Path) -> str:
    wait_until(lambda: file.exists() and file.read_text().strip().endswith("}"))
    return str(json.loads(file.read_text())["address"])


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_workers_that_are_killed_one_after_the_other_lose_nothing(
    expected: dict[str, CellResult], tmp_path: Path
) -> None:
    """A scheduler and four workers, each on a host of its own, one of them behind a slow link, over TLS with
    certificates of one's own. After every second result a worker is killed, in the midst of its work, and
    another comes."""
    settings = write_certificates(tmp_path)
    keys, file = as_variables(settings), tmp_path / "scheduler.json"
    with ExitStack() as stack:
        scheduler, *places = stack.enter_context(hosts(5, slow=4))
        stack.enter_context(dask.config.set(settings))
        stack.enter_context(program(scheduler, *scheduler_at(scheduler, file, "--protocol", "tls"), **keys))
        address = address_in(file)
        assert address.startswith(f"tls://{scheduler.address}:")

        def worker(host: Host) -> tuple[Host, subprocess.Popen[bytes]]:
            return host, start(host, *worker_at(host, address, tmp_path), **keys)

        workers = [worker(host) for host in places]
        stack.callback(lambda: end(*(process for _, process in workers)))
        results: list[CellResult | Failure] = []
        for result in Cluster(address).run(CELLS):
            results.append(result)
            if len(results) % 2:
                host, process = workers.pop(0)
                end(process)
                workers.append(worker(host))
    check(results, expected)


@pytest.mark.slow
def test_a_scheduler_that_goes_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "scheduler.json"
    here = Host("127.0.0.1")
    with ExitStack() as programs:
        scheduler = programs.enter_context(program(here, *scheduler_at(here, file)))
        address = address_in(file)
        programs.enter_context(program(here, *worker_at(here, address, tmp_path)))
        results = Cluster(address).run(CELLS)
        assert isinstance(next(results), CellResult)
        scheduler.kill()
        with pytest.raises(EngineError, match="the Dask scheduler is gone"):
            list(results)


@pytest.mark.slow
def test_a_client_that_has_given_up_says_the_same() -> None:
    with Cluster()._client() as client:
        client.wait_for_workers(1)
        results = cluster._stream(client, BIG, cluster.run_texts)
        assert isinstance(next(results), CellResult)
        client.close()
        with pytest.raises(EngineError, match="the Dask scheduler is gone"):
            list(results)
