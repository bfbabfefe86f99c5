"""The README's code runs, its commands exist, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def test_the_python_example_runs_and_prints_what_it_says() -> None:
    (example,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.startswith("(51, 3, 2)")


def test_every_make_target_is_in_the_makefile_and_the_other_way_round() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", README)) | set(
        re.findall(r"^make ([a-z]+)", README, re.MULTILINE)
    )
    assert named <= targets
    assert targets - named == {"help", "format"}


def test_every_command_of_the_study_exists() -> None:
    commands = set(re.findall(r"python -m study ([a-z]+)", README))
    assert {"estimate", "list", "report"} <= commands
    for command in commands:
        call = [sys.executable, "-m", "study", command, "--help"]
        subprocess.run(call, capture_output=True, check=True, cwd=ROOT)


def test_pictures_and_links_are_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert any(link.endswith(".png") for link in links)
    for link in links:
        assert (ROOT / link).exists(), link
