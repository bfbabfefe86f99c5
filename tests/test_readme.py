"""The code in README, CONTRIBUTING and docs runs, their commands exist, their links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from overshoot.study import spec
from overshoot.study.cli import main

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "results" / "reference"
ATLAS = ROOT / "results" / "reference-atlas"
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAGES = {path: path.read_text(encoding="utf-8") for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]}
ALL = "\n".join(PAGES.values())


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", ALL, flags=re.MULTILINE | re.DOTALL)


def test_the_readme_is_a_screen_and_a_half() -> None:
    assert len(README.splitlines()) <= 60
    assert len(README.split()) <= 560


def test_the_python_example_runs_and_prints_what_it_says() -> None:
    (example,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.startswith("(51, 3, 2)")


def test_every_make_target_is_in_the_makefile_and_the_other_way_round() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", ALL)) | set(re.findall(r"^make ([a-z]+)", ALL, re.MULTILINE))
    assert named <= targets
    assert targets - named == {"help", "format"}


def test_every_command_of_the_study_exists() -> None:
    commands = set(re.findall(r"bin/overshoot ([a-z]+)", ALL))
    assert {"estimate", "list", "report"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert not ended.value.code, command


def test_pictures_and_links_are_there() -> None:
    assert re.search(r"\]\([^)]+\.png\)", README)
    for page, text in PAGES.items():
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_every_page_of_the_manual_is_linked_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(docs/([a-z]+\.md)\)", README)) | {"bench.md"}
    assert linked == {path.name for path in (ROOT / "docs").glob("*.md")}


def test_the_places_that_contributors_are_sent_to_exist() -> None:
    rows = re.findall(r"^\| an? .*\|$", CONTRIBUTING, flags=re.MULTILINE)
    assert len(rows) == 11
    for row in rows:
        for place in re.findall(r"`((?:core|study|tests)/[^`]*)`", row):
            assert (ROOT / place).exists(), place
    for word in re.findall(r"`@?([A-Za-z_]+)`", "".join(rows)):
        found = [
            p for p in [*ROOT.glob("core/**/*.py"), *ROOT.glob("study/**/*.py")] if word in p.read_text()
        ]
        assert word == "_section" or found, word


def test_what_was_found_stands_in_the_reference_report() -> None:
    """Claim for claim, so that no number is left over from an earlier study."""
    report = (REFERENCE / "report.md").read_text(encoding="utf-8")
    (section,) = re.findall(
        r"^## What it found, in the default study\n(.*?)^## ", README, flags=re.MULTILINE | re.DOTALL
    )
    claims = re.findall(r"^- (.*(?:\n  .*)*)", section, flags=re.MULTILINE)
    assert len(claims) == 5
    for claim in claims:
        assert f"**{' '.join(claim.split())}**" in " ".join(report.split()), claim


@pytest.mark.parametrize(("copy", "name", "most"), [(REFERENCE, "study", 3.5e6), (ATLAS, "atlas", 2.2e6)])
def test_a_reference_report_is_small_and_of_the_experiment_as_it_is(
    copy: Path, name: str, most: float
) -> None:
    files = [file for file in copy.rglob("*") if file.is_file()]
    assert 0 < sum(file.stat().st_size for file in files) < most
    report = (copy / "report.md").read_text(encoding="utf-8")
    experiment = spec.load(ROOT / "experiments" / f"{name}.toml")
    assert experiment.title in report
    assert f"in {len(experiment.cells):,} cells" in report
    for figure in re.findall(r"\]\((figures/[^)]+)\)", report):
        assert (copy / figure).exists(), figure


def test_the_numbers_of_the_study_are_those_of_its_file() -> None:
    cells = spec.load(ROOT / "experiments" / "study.toml").cells
    counts = {
        "optimizers": len({cell.method for cell in cells}),
        "batch strategies": len({cell.strategy for cell in cells}),
        "problems": len({cell.problem for cell in cells}),
    }
    said = " ".join(README.split())
    for thing, count in counts.items():
        assert f"{count} {thing}" in said


def test_how_fast_it_is_stands_in_the_table_of_the_benchmark() -> None:
    table = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^### 64-32-10, adam, 32 trials\n(.*?)^###", table, flags=re.MULTILINE | re.DOTALL)
    measured = {tuple(re.findall(r"\| ([\d.]+)", row)) for row in table.splitlines()}
    section = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    rows = [numbers for row in section.splitlines() if len(numbers := re.findall(r"\| ([\d.]+)", row)) == 4]
    assert len(rows) == 4
    assert {tuple(row) for row in rows} <= measured
