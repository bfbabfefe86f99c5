"""A Dask cluster, for cells on many machines. The only place that knows dask.distributed.

Cells go out as JSON and come back as archives of their files: of what arrives here nothing is unpickled, but
for errors of the engine's own. One chunk of cells is one task, and no more than a few tasks for each worker
are under way, whatever the size of the study.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlsplit

import dask
from distributed import Client, Future, LocalCluster, as_completed
from distributed.client import ClosedClientError
from distributed.scheduler import KilledWorker

from overshoot.study.execution.cost import cost
from overshoot.study.execution.engine import KILLED, ONE_THREAD, RETRIES, EngineError, Failure, attempt
from overshoot.study.execution.packing import pack, unpack
from overshoot.study.experiment.cells import Cell, restore
from overshoot.study.phases.results import CellResult

WINDOW = 4
"""Tasks under way for each worker: enough that none waits for the next, and little to hold here."""

CHUNK_SECONDS = 30.0
"""Small cells go out together, until they are estimated to take so long."""

CONNECT_SECONDS = 15

GONE = "the Dask scheduler is gone; what was finished is stored, and the same command continues"

PLAIN = ["dask", "msgpack"]
"""How results may be written on their way here: not by pickle."""


def run_texts(definitions: Sequence[str]) -> bytes:
    """What a worker does: run the cells of these definitions, and pack their results."""
    return pack([attempt(restore(text)) for text in definitions])


@dataclass(frozen=True)
class Cluster:
    """The engine of a cluster. scheduler: its address; None: a cluster of `workers` processes of one's own,
    on this machine and on its loopback interface alone. work: what a worker does, from the definitions of
    cells to their packed results.

    Raises EngineError for an address that must not be used.
    """

    scheduler: str | None = None
    workers: int = 1
    work: Callable[[Sequence[str]], bytes] = run_texts

    def __post_init__(self) -> None:
        if self.scheduler is not None:
            check_address(self.scheduler)

    def run(self, cells: Sequence[Cell]) -> Generator[CellResult | Failure, None, None]:
        """See `Engine.run`. EngineError where there is no scheduler, or none any more."""
        with self.started() as run:
            yield from run(cells)

    @contextmanager
    def started(self) -> Iterator[Callable[[Sequence[Cell]], Generator[CellResult | Failure, None, None]]]:
        """The engine, with the workers there: what runs cells."""
        with self._client() as client:
            if self.scheduler is None:
                client.wait_for_workers(self.workers)
            yield partial(_stream, client, work=self.work)

    @contextmanager
    def _client(self) -> Iterator[Client]:
        if self.scheduler is None:
            with (
                _on_this_machine(self.workers) as local,
                Client(local, deserializers=PLAIN, set_as_default=False) as client,
            ):
                yield client
            return
        try:
            client = Client(
                self.scheduler, timeout=CONNECT_SECONDS, deserializers=PLAIN, set_as_default=False
            )
        except (OSError, RuntimeError, TimeoutError, ValueError, TypeError) as error:
            raise EngineError(f"no Dask scheduler at {self.scheduler}: {error}") from None
        with client:
            yield client


def check_address(scheduler: str) -> None:
    """EngineError for an address by which another machine would be reached without encryption."""
    kind, host = urlsplit(scheduler).scheme, urlsplit(scheduler).hostname or ""
    if kind not in ("tcp", "tls"):
        raise EngineError(
            f"expected a scheduler's address, tcp://HOST:PORT or tls://HOST:PORT, got {scheduler!r}"
        )
    try:
        here = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = False
    if kind == "tcp" and not here:
        raise EngineError(
            f"{scheduler} is another machine, and what is sent there would not be encrypted: whoever can "
            "reach a scheduler can run programs on its workers. Start it with TLS and name it as "
            f"tls://{urlsplit(scheduler).netloc} (docs/scale.md says how)"
        )


@contextmanager
def _on_this_machine(workers: int) -> Iterator[LocalCluster]:
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": ONE_THREAD}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,  # what matters of it comes as results and failures
            memory_limit=0,  # a cell is small, and a worker that is paused near a limit would never go on
        ) as cluster,
    ):
        yield cluster


@dataclass(frozen=True)
class _Chunk:
    """Cells that go out together. retries: how often yet, when their worker is killed."""

    cells: tuple[Cell, ...]
    retries: int = RETRIES

    def again(self) -> list[_Chunk]:
        """The cells on their own, so that the one that kills its worker takes no other along."""
        return [_Chunk((cell,), self.retries - 1) for cell in self.cells]


def _stream(
    client: Client, cells: Sequence[Cell], work: Callable[[Sequence[str]], bytes]
) -> Generator[CellResult | Failure, None, None]:
    waiting = deque(chunks(cells, _slots(client)))
    running: dict[Future, _Chunk] = {}
    finished = as_completed(loop=client.loop)
    try:
        while waiting or running:
            while waiting and len(running) < WINDOW * _slots(client):
                chunk = waiting.popleft()
                texts = [cell.definition for cell in chunk.cells]
                running[future := client.submit(work, texts, pure=False)] = chunk
                finished.add(future)
            future = next(finished)
            chunk = running.pop(future)
            if _killed(future):
                if chunk.retries:
                    waiting.extendleft(chunk.again())
                else:
                    yield from (Failure(cell, KILLED) for cell in chunk.cells)
                continue
            try:
                packed = _arrived(future)
            except CancelledError:
                # The client lost its scheduler for a while, or the scheduler a result with its worker.
                if not (chunk.retries and _answers(client)):
                    raise EngineError(GONE) from None
                waiting.appendleft(replace(chunk, retries=chunk.retries - 1))
                continue
            yield from _results(chunk, packed)
    except ClosedClientError:
        raise EngineError(GONE) from None
    finally:
        with suppress(ClosedClientError):  # then nobody is there any more whose tasks could be called off
            client.cancel([*running])


def chunks(cells: Sequence[Cell], workers: int) -> list[_Chunk]:
    """Cells in their order, together until they take CHUNK_SECONDS, or a worker's share of the window."""
    seconds = [cost(cell).seconds for cell in cells]
    most = min(CHUNK_SECONDS, sum(seconds) / (WINDOW * workers))
    made: list[list[Cell]] = []
    filled = most
    for cell, needed in zip(cells, seconds, strict=True):
        if filled + needed > most:
            made.append([])
            filled = 0.0
        made[-1].append(cell)
        filled += needed
    return [_Chunk(tuple(part)) for part in made]


def _slots(client: Client) -> int:
    """Tasks that the workers there are now can run at once, at least one: others may come."""
    try:
        return max(1, sum(client.nthreads().values()))
    except OSError:  # the tasks that are under way say what becomes of them
        return 1


def _answers(client: Client) -> bool:
    """Whether the scheduler is there, if need be once the client has reached it again."""
    end = time.monotonic() + CONNECT_SECONDS
    while client.status != "closed" and time.monotonic() < end:
        if client.status == "running":
            try:
                client.nthreads()
                return True
            except OSError:
                pass
        time.sleep(0.1)
    return False


def _killed(future: Future) -> bool:
    return future.status == "error" and isinstance(future.exception(), KilledWorker)


def _arrived(future: Future) -> bytes | Exception:
    """What a worker sent, or why that could not be read; CancelledError where it is lost."""
    if future.status in ("cancelled", "lost"):
        raise CancelledError(future.status)
    try:
        packed: bytes = future.result()
        return packed
    except CancelledError:
        raise
    except Exception as error:  # whatever the engine or a worker made of it
        return error


def _results(chunk: _Chunk, packed: bytes | Exception) -> list[CellResult | Failure]:
    try:
        if isinstance(packed, Exception):
            raise packed
        return unpack(chunk.cells, packed)
    except Exception as error:
        return [Failure(cell, f"its result did not arrive: {error!r}") for cell in chunk.cells]
