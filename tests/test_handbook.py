"""The handbook is built without a warning, from what the program itself knows; every command in it runs."""

from __future__ import annotations

import glob
import html
import os
import re
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from overshoot.core import LOSSES, OPTIMIZERS, SCHEDULES, domains
from overshoot.core import __all__ as public
from overshoot.study.cli import main
from overshoot.study.commands.key_reference import keys
from overshoot.study.commands.parser import COMMANDS
from overshoot.study.tracking import open_store

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]

EXPERIMENT = """
name = "{name}"
optimizers = ["momentum", {{ name = "momentum", momentum = 0.99 }}]
batches = ["full"]
[budget]
examples = 4000
epochs = 12
evaluations = 12
[sweep]
replicates = 1
[search]
trials = 4
[confirm]
replicates = {replicates}
[networks.net]
hidden = [8]
[[problems]]
datasets = ["iris"]
network = "net"
"""

ELSEWHERE = {
    "ui": "serves until it is stopped: tests/tracking/test_ui.py",
    "--scheduler": "needs a cluster: tests/execution/test_cluster.py",
    "--engine": "starts a cluster: tests/execution/test_cluster.py",
}
"""Commands that other tests run."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def words(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


@pytest.mark.slow
def test_it_is_built_without_a_warning_and_has_every_name(site: Path) -> None:
    optimizers = words(site / "optimizers.html")
    for name, cls in OPTIMIZERS.items():
        said = {cls.label, cls.paper, cls.defaults, *domains(name)}
        assert not [text for text in said if text not in optimizers]
        assert not [option for option in domains(name).values() if option.about not in optimizers]
    assert all(name in words(site / "building-blocks.html") for name in [*SCHEDULES, *LOSSES])
    assert all(name in words(site / "commands.html") for name in COMMANDS)
    for key in keys():
        assert key.kind.replace("`", "") in words(site / "keys.html")
    titles = re.findall(r'<h2 id="overshoot\.core\.(\w+)"', (site / "api.html").read_text(encoding="utf-8"))
    documented = [name for name in public if not name.isupper()]
    assert set(documented) <= {*titles}


@pytest.mark.slow
def test_its_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = [*site.rglob("*.html")]
    assert len(pages) > 15
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe)[^>]* src=\"([^\"]+)\"", text)
        loaded += re.findall(
            r"<link[^>]* rel=\"(?:stylesheet|preconnect|icon)\"[^>]* href=\"([^\"]+)\"", text
        )
        assert loaded
        assert not [address for address in loaded if re.match(r"(https?:)?//", address)], page


def commands() -> list[str]:
    """Every command line of the program in README and docs, in order, without its comment."""
    found: dict[str, None] = {}
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            for line in re.findall(r"^(?:MLFLOW\S+ )?\.venv/bin/overshoot (.+)$", block, re.M):
                found.setdefault(line.split("  #")[0].split(" # ")[0].strip())
    return [line for line in found if not any(word in line.split() for word in ELSEWHERE)]


def done(command: list[str]) -> int:
    """The exit status of a command. What registers a method does so in a process of its own."""
    if command[0] != "check":
        return main(command)
    own = [sys.executable, "-m", "overshoot.study", *command]
    return subprocess.run(own, env=os.environ | {"PYTHONPATH": str(ROOT)}).returncode


@pytest.mark.slow
def test_every_command_in_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder with what they speak of: small experiments, a file of one's own, a method of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    experiments = tmp_path / "experiments"
    experiments.mkdir()
    for name, replicates in [("quick", 2), ("study", 2), ("mine", 2), ("A", 2), ("B", 3)]:
        (experiments / f"{name}.toml").write_text(EXPERIMENT.format(name=name, replicates=replicates))
    rows = [f"{i % 7},{i % 5},{i % 7 * 2 + i % 5 + i % 3 / 10}" for i in range(60)]
    (tmp_path / "houses.csv").write_text("\n".join(["rooms,age,price", *rows]) + "\n")
    (method,) = re.findall(
        r"^```py\n(.*?)^```", (ROOT / "docs/experiments.md").read_text("utf-8"), re.M | re.S
    )
    (experiments / "my_methods.py").write_text(method)
    (tmp_path / "my_methods.py").write_text(method)
    for name in ("study", "A", "B"):
        assert main(["run", f"experiments/{name}.toml", "--no-report"]) == 0
    assert main(["run", "experiments/study.toml", "--shard", "1/2", "--results", "results/shard-1"]) == 0
    with closing(open_store(Path("results"), reading=True)) as store:
        run = store.read("study")[0].run_id

    lines = commands()
    assert len(lines) > 25
    for line in lines:
        given = [run if word == "RUN" else word for word in shlex.split(line)]
        expanded = [found for word in given for found in (sorted(glob.glob(word)) if "*" in word else [word])]
        assert done(expanded) == 0, line
