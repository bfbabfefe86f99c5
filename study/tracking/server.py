"""MLflow's pages on the store, for this machine's browser only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from overshoot.study.files import open_own
from overshoot.study.tracking import Store, StoreError, StudyInfo, open_store, place, views
from overshoot.study.tracking.connect import ARTIFACTS
from overshoot.study.tracking.views import CELLS

HOST = "127.0.0.1"
PORTS = range(5000, 5100)

ADDRESS = f"http://{HOST}:{PORTS[0]}"
"""Where the pages are unless that port is taken, or another is asked for."""

PATIENCE = 120.0
"""Seconds that the server may take to start."""

LIGHT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
"""Without the first, MLflow starts fifteen processes that take 3 GB; with it, two."""


def serve(results: Path, uri: str | None = None, port: int | None = None) -> None:
    """Show the store in MLflow's pages until Ctrl-C; print links to the views of its studies.

    port: the one to use (StoreError when it is taken); by default the first free one from 5000 on.
    A store that is a server already has its pages: the links lead there.
    """
    uri = place(results, uri)
    with closing(open_store(results, uri, reading=True)) as store:
        if uri.startswith("http"):
            _print_links(store, uri.rstrip("/"))
            return
        store.settle()
        try:
            _serve(store, uri, port, results.resolve() / "ui.log")
        except KeyboardInterrupt:
            print()


def _serve(store: Store, uri: str, wanted: int | None, log: Path) -> NoReturn:
    for port in _free_ports(wanted):
        address = f"http://{HOST}:{port}"
        with _server(uri, port, log) as server:
            if _is_up(server, address, log):
                _print_links(store, address)
                print("\nCtrl-C stops it.", flush=True)
                server.wait()
                raise StoreError(f"MLflow's server stopped by itself: see {log}")
    raise StoreError(
        "no port from 5000 to 5099 is free: choose one with --port"
        if wanted is None
        else f"port {wanted} is in use: choose another with --port"
    )


def lines(info: StudyInfo, address: str) -> list[str]:
    """A heading for a study and a line for each link, ready to print."""
    links = views.links(info, CELLS)
    datasets = [part for part in info.experiments if part != CELLS]
    for part in datasets[:1]:  # the other datasets have the same views in their pages' notes
        dataset = part.removeprefix("trials/")
        named = [view for view in views.trial_views((), ()) if view.name != "Trials"]
        links += [(f"{view.name} of {dataset}", view.link(info.experiments[part])) for view in named]
    width = max(len(name) for name, _ in links)
    heading = f"{info.name}: {info.cells} cells, {info.trials} trials"
    return [heading, *(f"  {name:<{width}}  {address}/{link}" for name, link in links)]


def _print_links(store: Store, address: str) -> None:
    print(f"MLflow is at {address}")
    studies = store.studies()
    for info in studies[:1]:
        (name, link), *_ = views.links(info, CELLS)
        print(f"Start here: {name.lower()} of {info.name}, {address}/{link}")
    for info in studies:
        print("", *lines(info, address), sep="\n")
    print('\nEvery page has more links: in the note at its top, and under "Views".')


def _free_ports(wanted: int | None) -> Iterator[int]:
    """The port that was asked for, or those of PORTS one after the other, as far as they are free."""
    for port in PORTS if wanted is None else (wanted,):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
            try:
                trial.bind((HOST, port))
            except OSError:
                print(f"port {port} is in use", file=sys.stderr)
                continue
        yield port


@contextmanager
def _server(uri: str, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """MLflow's server as a process group of its own, which ends with this block."""
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        HOST,
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    command += ["--artifacts-destination", str(log.parent / ARTIFACTS)]
    environment = os.environ | LIGHT | {"MLFLOW_BACKEND_STORE_URI": uri}
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have background jobs ignore it
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda number, _: sys.exit(128 + number))  # so that the server ends as well
    with os.fdopen(open_own(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as words:
        server = subprocess.Popen(
            command, stdout=words, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            yield server
        finally:
            _stop(server)


def _stop(server: subprocess.Popen[bytes]) -> None:
    for how, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, how)
        with suppress(subprocess.TimeoutExpired):
            server.wait(patience)
            return


def _is_up(server: subprocess.Popen[bytes], address: str, log: Path) -> bool:
    """Wait until the server answers; False when another program took its port while it started.

    That program may answer in its place, so the server's own word, in its log, is waited for as well.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and server.poll() is None:
        if f"running on {address}" in log.read_text(errors="replace"):
            with suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
                return True
        time.sleep(0.2)
    if "address already in use" in log.read_text(errors="replace"):
        print(f"port {address.rsplit(':', 1)[1]} was just taken, trying the next", file=sys.stderr)
        return False
    raise StoreError(f"MLflow's server did not start: see {log}")
