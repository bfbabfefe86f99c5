"""Runs that are killed again and again, and what they leave: `python -m tests.execution.kills 200`.

A study of a few seconds is run from the empty folder on. At a random moment the process, its whole group, or
a worker, whether it trains or draws, is ended by SIGKILL; where that ended the run, the same command is given
again, until it comes to its end. Then store and report must be those of a run that nobody disturbed.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
MARK = "OVERSHOOT_KILLS"
"""In the environment of every process of a run, so that none is missed."""

TINY = """
name = "tiny"
seed = 1
optimizers = ["sgd", "adam"]
batches = ["full", 16]
[budget]
examples = 400
epochs = 20
evaluations = 10
[rates]
low = 1e-2
high = 1e1
per_decade = 2
[sweep]
replicates = 2
[search]
trials = 4
startup = 2
batch = 2
[confirm]
replicates = 2
[networks.linear]
hidden = []
[networks.small]
hidden = [4]
[[problems]]
datasets = ["line"]
network = "linear"
[[problems]]
datasets = ["iris"]
network = "small"
"""

VARIABLE = r"(seconds|date|files|content|mlflow\.|tracking|run_id|duration)"
"""In the names of what differs from run to run: times, and what has identifiers or hashes of times in it."""


@dataclass
class Attempt:
    """A run of the command, and the processes that belong to it."""

    folder: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __enter__(self) -> Attempt:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW")}
        environment |= {MARK: self.mark, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.folder / "tmp")}
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "study", "run", str(self.folder / "tiny.toml"), "--workers", "2"]
        self.log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [*command, "--results", str(self.folder / "results")],
            env=environment,
            cwd=ROOT,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.log.close()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def members(self) -> list[int]:
        """Process ids of everything that the command started and that is still there."""
        wanted = f"{MARK}={self.mark}".encode()
        found = []
        for place in Path("/proc").iterdir():
            if place.name.isdecimal():
                with suppress(OSError):
                    if wanted in (place / "environ").read_bytes():
                        found.append(int(place.name))
        return found

    def ends_within(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def workers(self) -> list[int]:
        return [pid for pid in self.members() if pid != self.process.pid and b"popen_loky" in _command(pid)]

    def kill(self, target: str) -> bool:
        """End one of `parent`, `group`, `worker`; whether there was one."""
        if self.process.poll() is not None:
            return False
        if target == "group":
            os.killpg(self.process.pid, signal.SIGKILL)
        elif target == "parent":
            os.kill(self.process.pid, signal.SIGKILL)
        else:
            workers = self.workers()
            if not workers:
                return False
            with suppress(ProcessLookupError):
                os.kill(random.choice(workers), signal.SIGKILL)
        return True

    def gone(self) -> bool:
        """Whether nothing of it is left, within a minute on a busy machine."""
        end = time.monotonic() + 60
        while self.members():
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        return True


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def undisturbed(folder: Path) -> float:
    """Run the study once; the seconds that it took."""
    start = time.monotonic()
    (folder / "tiny.toml").write_text(TINY)
    with Attempt(folder) as attempt:
        status = attempt.process.wait()
    assert status == 0, (folder / "log").read_text()
    return time.monotonic() - start


@dataclass
class Deck:
    """What is ended next: shuffled, and each kind in its turn, so that none is left to luck."""

    dice: random.Random
    cards: list[str] = field(default_factory=list)

    def deal(self) -> str:
        if not self.cards:
            self.cards = ["parent", "group", "worker", "worker"]
            self.dice.shuffle(self.cards)
        return self.cards.pop()


def disturbed(folder: Path, seconds: float, most: int, deck: Deck) -> Counter[str]:
    """Run the study to its end, ending something at random moments, at most `most` times; how often what was
    ended. AssertionError where a process outlives its run, or the run fails by itself."""
    folder.mkdir(parents=True)
    (folder / "tiny.toml").write_text(TINY)
    done: Counter[str] = Counter()
    status: int | None = None
    while status != 0:
        with Attempt(folder) as attempt:
            while done.total() < most:
                if attempt.ends_within(deck.dice.uniform(0, seconds)):
                    break
                target = deck.deal()
                done[target] += attempt.kill(target)
                if target != "worker":
                    break
            status = attempt.process.wait()
            assert attempt.gone(), f"left after {dict(done)}: {[_command(p) for p in attempt.members()]}"
        assert status in (0, -signal.SIGKILL), (folder / "log").read_text()[-3000:]
    return done


def content(results: Path) -> dict[str, Any]:
    """All that a study left, identifiers and times apart."""
    names: dict[str, str] = {}
    found: dict[str, Any] = {}
    with closing(sqlite3.connect(results / "mlflow.db")) as db:
        runs = db.execute(
            "select r.run_uuid, e.name, r.name, r.status, e.experiment_id from runs r "
            "join experiments e using (experiment_id) where r.lifecycle_stage = 'active'"
        ).fetchall()
        experiments = {str(i): name for i, name in db.execute("select experiment_id, name from experiments")}
        for run, experiment, name, status, _ in runs:
            tags, params, metrics = (
                sorted(db.execute(f"select key, value{step} from {table} where run_uuid = ?", (run,)))
                for table, step in (("tags", ""), ("params", ""), ("metrics", ", step"))
            )
            kept = [
                [row for row in rows if not re.search(VARIABLE, row[0])] for rows in (tags, params, metrics)
            ]
            names[run] = f"{experiment}: {name} {sha256(repr(kept).encode()).hexdigest()[:12]}"
            found.setdefault(names[run], []).append([status, kept])
    for run, *_ in runs:
        folder = results / "artifacts" / "tiny" / run / "artifacts"
        for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
            if path.is_file():
                found[f"{names[run]} {path.relative_to(folder)}"] = _plain(path, names, experiments)
    for path in sorted((results / "tiny").rglob("*")):
        if path.is_file():
            found[f"report {path.relative_to(results)}"] = _plain(path, names, experiments)
    found["files"] = sorted(p.name for p in results.iterdir())
    return found


def _plain(path: Path, names: dict[str, str], experiments: dict[str, str]) -> Any:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).drop(columns="run_id", errors="ignore").to_json(double_precision=15)
    if path.suffix == ".npz":
        with np.load(path) as stored:
            return [(name, stored[name].tobytes()) for name in stored.files]
    if path.name == "summary.json":
        return {k: v for k, v in json.loads(path.read_text()).items() if not re.search(VARIABLE, k)}
    if path.name == "provenance.json":
        return sorted(json.loads(path.read_text()))
    if path.suffix in (".html", ".md", ".json", ".toml"):
        text = path.read_text()
        for run, name in names.items():
            text = text.replace(run, name)
        for i, name in experiments.items():
            text = text.replace(f"#/experiments/{i}/", f"#/experiments/{name}/")
        text = re.sub(r"\d+(\.\d+)? s\b|\d{4}-\d\d-\d\d \d\d:\d\d UTC|sha256-[\w+/=]+", "", text)
        # Of the pictures, one is of measured milliseconds.
        text = re.sub(r'(?s)data-curves="measured .*?(?=data-curves=|</section>)', "", text)
        text = re.sub(r"(?s)Time spent.*?</dl>", "", text)
        text = re.sub(r"(?s)<table>(?:(?!</table>).)*?milliseconds.*?</table>", "", text)
        after = r"(\n.+)*" if path.suffix == ".md" else ""  # the rows of a table of times
        return re.sub(rf"(?m)^.*seconds.*{after}", "", text)
    return path.read_bytes()


def difference(a: Any, b: Any) -> str:
    """Where two contents part, in the words of both."""
    a, b = str(a), str(b)
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"...{a[max(0, at - 150) : at + 80]} IS NOW ...{b[max(0, at - 20) : at + 80]}"


def loop(kills: int, folder: Path, seed: int = 0) -> Counter[str]:
    """At least `kills` kills, spread over as many runs as they take, a few in each; how often what."""
    deck, total = Deck(random.Random(seed)), Counter[str]()
    (folder / "whole").mkdir(parents=True)
    seconds = undisturbed(folder / "whole")
    expected = content(folder / "whole" / "results")
    print(f"undisturbed: {seconds:.1f} s", flush=True)
    runs = 0
    while total.total() < kills:
        here = folder / "killed"
        total += disturbed(here, seconds, min(deck.dice.randint(2, 8), kills - total.total()), deck)
        got = content(here / "results")
        runs += 1
        differ = [name for name in expected | got if expected.get(name) != got.get(name)]
        shown = [(name, difference(expected.get(name), got.get(name))) for name in differ[:5]]
        assert not differ, f"after {dict(total)}: {len(differ)} differ: {shown}"
        left = [str(p) for p in here.rglob(".*") if re.match(r"\.(report-|artifact|mlflow.db.new)", p.name)]
        assert not left, left
        print(f"{total.total()} kills in {runs} runs: {dict(total)}", flush=True)
        shutil.rmtree(here)
    return total


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(loop(int(sys.argv[1]), Path(place), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
