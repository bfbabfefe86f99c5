"""`make ui` in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVE = "import sys; from pathlib import Path; from study.ui import serve; serve(Path(sys.argv[1]))"


@dataclass
class Served:
    """A running `ui.serve`: its process, and its links by name."""

    process: subprocess.Popen[str]
    address: str
    links: dict[str, str]

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


@contextmanager
def served(results: Path) -> Iterator[Served]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")} | {
        "PYTHONPATH": str(ROOT)
    }
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(results)], env=environment, stdout=subprocess.PIPE, text=True
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
