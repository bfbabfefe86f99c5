"""`make ui` in a process of its own."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from overshoot.study.tracking import server as ui

ROOT = Path(__file__).parents[2]
SERVE = """
import sys
from pathlib import Path
from overshoot.study.tracking import server as ui
ui.PORTS = range(*map(int, sys.argv[2:]))
ui.serve(Path(sys.argv[1]))
"""


@dataclass
class Served:
    """A running `ui.serve`: its process, and its links by name."""

    process: subprocess.Popen[str]
    address: str
    links: dict[str, str]

    @property
    def port(self) -> int:
        return int(self.address.rsplit(":", 1)[1])

    def server(self) -> set[int]:
        """Process ids of MLflow's server and of all that it started."""
        found, new = set(), {self.process.pid}
        while new:
            new = {pid for parent in new for pid in children(parent)}
            found |= new
        return found


def children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(line) for line in listed.stdout.split()]


def environment() -> dict[str, str]:
    """In which a process finds this project, and no store but the one that it is given."""
    return {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")} | {"PYTHONPATH": str(ROOT)}


def free_ports(count: int) -> range:
    """Neighbouring ports that nobody uses, at random: a test beside this one must not want the same."""
    while True:
        first = random.SystemRandom().randrange(20_000, 32_000, count)  # below those that systems give out
        with ExitStack() as taken:
            try:
                for port in range(first, first + count):
                    taken.enter_context(socket.socket()).bind((ui.HOST, port))
            except OSError:
                continue
        return range(first, first + count)


@contextmanager
def served(results: Path, ports: range = ui.PORTS) -> Iterator[Served]:
    """Serve the results on one of the ports, which tests that run beside this one may want as well."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(results), str(ports.start), str(ports.stop)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if line.startswith("Ctrl-C"):
                    break
            links = dict(re.findall(r"^  (.*?)  +(http\S+)$", "".join(lines), re.MULTILINE))
            yield Served(process, lines[0].split()[-1], links)
        finally:
            process.terminate()


@contextmanager
def started(command: list[str], address: str, variables: dict[str, str], log: Path) -> Iterator[None]:
    """A server, from when it answers at the address until the end."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, env=environment() | variables, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    urllib.request.urlopen(address, timeout=5).close()
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < deadline
                    time.sleep(0.2)
            yield
        finally:
            process.terminate()
