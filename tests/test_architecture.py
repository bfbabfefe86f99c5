"""Rooms: which part may import what. Read from the sources, so that it cannot be forgotten."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*ROOT.glob("core/**/*.py"), *ROOT.glob("study/**/*.py")])

ROOMS = {
    "numba": ["core/compiled/"],
    "llvmlite": ["core/compiled/"],
    "optuna": ["study/phases/search.py", "study/commands/searches.py"],
    "mlflow": ["study/tracking/"],
    "sqlalchemy": ["study/tracking/"],
    "matplotlib": ["study/figures/"],
    "seaborn": ["study/figures/"],
    "jinja2": ["study/lessons/", "study/report/"],
    "rich": ["study/cli.py", "study/commands/", "study/pipeline.py", "study/execution/"],
    "loky": ["study/execution/processes.py"],
    "dask": ["study/execution/cluster.py"],
    "distributed": ["study/execution/cluster.py"],
    "msgspec": ["study/plain.py"],
    "charset_normalizer": ["study/problems/tables.py"],
    "sklearn": ["study/problems/"],
}


def imported(file: Path) -> set[str]:
    """Full names of all modules that a file imports, within functions as well."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            found.add(str(node.module))
    return found


def packages(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(file)}


@pytest.mark.parametrize("library", ROOMS)
def test_a_library_has_one_room(library: str) -> None:
    users = [f.relative_to(ROOT).as_posix() for f in SOURCES if library in packages(f)]
    assert users, f"{library} is not used any more: take it out of ROOMS and of pyproject.toml"
    outside = [user for user in users if not user.startswith(tuple(ROOMS[library]))]
    assert not outside


def test_the_core_needs_numpy_alone() -> None:
    foreign = {
        (file.relative_to(ROOT).as_posix(), name)
        for file in ROOT.glob("core/**/*.py")
        for name in packages(file) - set(sys.stdlib_module_names) - {"overshoot", "numpy"}
    }
    foreign = {(file, name) for file, name in foreign if not file.startswith("core/compiled/")}
    assert foreign <= {("core/eigenvalues.py", "scipy")}
    own = {
        (file.relative_to(ROOT).as_posix(), name)
        for file in ROOT.glob("core/**/*.py")
        for name in imported(file)
        if name.startswith("overshoot") and not name.startswith("overshoot.core")
    }
    assert own == {("core/__init__.py", "overshoot.alias")}


@pytest.mark.parametrize("folder", ["core", "study"])
def test_a_folder_of_the_clone_and_the_package_are_the_same_modules(folder: str) -> None:
    below = {"core": "losses", "study": "numbers"}[folder]
    code = (
        f"import {folder}, {folder}.{below}; from overshoot import {folder} as installed; import sys; "
        f"assert {folder} is installed and {folder}.{below} is installed.{below}; "
        f"assert sys.modules['{folder}.{below}'].__spec__.name == 'overshoot.{folder}.{below}'"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_importing_the_core_loads_nothing_else() -> None:
    code = "import sys, overshoot.core; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.removeprefix("overshoot.").split(".")[0] for name in done.stdout.split()}
    assert not {"scipy", "numba", "pandas", "sklearn", "study"} & loaded


def test_the_command_line_starts_without_the_large_libraries() -> None:
    code = "import sys, overshoot.study.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not {"matplotlib", "mlflow", "numba", "optuna", "pandas", "scipy", "seaborn", "sklearn"} & loaded


def test_every_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {text.split(">")[0].split("<")[0].split("=")[0].strip() for text in project["dependencies"]}
    known = {"charset_normalizer": "charset-normalizer", "sklearn": "scikit-learn", "PIL": "pillow"}
    used = {known.get(name, name) for file in SOURCES for name in packages(file)}
    used -= set(sys.stdlib_module_names) | {"overshoot", "markupsafe"}  # jinja2's own strings
    used -= {"dask", "distributed"}  # an extra, for who has a cluster
    assert used == declared


def test_requirements_pin_every_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for file, names in {
        "requirements.txt": project["dependencies"],
        "requirements-dev.txt": project["optional-dependencies"]["dev"],
    }.items():
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        strange = [
            line for line in lines if not re.fullmatch(r"#.*|-r requirements.txt|[\w.-]+==[\w.]+", line)
        ]
        assert not strange, f"{file}: pip cannot read {strange}"
        pinned = {line.split("==")[0].lower() for line in lines if "==" in line}
        for name in names:
            assert re.split(r"[>\[]", name)[0].lower() in pinned, f"{file} does not pin {name}"


def test_there_is_one_training_loop() -> None:
    """Only one place calls an optimizer's `step`, inheritance aside; others try it on symbols or check it."""
    callers = [
        file.relative_to(ROOT).as_posix()
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "step"
        and not (isinstance(node.func.value, ast.Call))  # super().step(...)
    ]
    assert sorted(callers) == ["core/compiled/rules.py", "core/contract.py", "core/loop.py"]


ORDER = [
    "files late plain draws statistics comparison leadership numbers",
    "experiment problems",
    "phases",
    "spec execution tracking",
    "analysis",
    "findings figures",
    "playground",
    "report lessons explain compare commands",
    "pipeline",
    "cli",
]
"""Rooms of `study` from the bottom up: a room imports its own floor and those below."""


def test_imports_go_one_way() -> None:
    floor = {room: level for level, rooms in enumerate(ORDER) for room in rooms.split()}
    wrong = [
        f"{file.relative_to(ROOT).as_posix()} imports {name}"
        for file in ROOT.glob("study/**/*.py")
        if (room := file.relative_to(ROOT / "study").parts[0].removesuffix(".py")) in floor
        for name in imported(file)
        if name.startswith("overshoot.study.") and floor[name.split(".")[2]] > floor[room]
    ]
    assert not wrong


def test_nothing_below_findings_writes_prose() -> None:
    """Tables hold numbers and codes: what writes numbers as text is not imported there."""
    below = [file for room in ("phases", "analysis") for file in (ROOT / "study" / room).glob("*.py")]
    assert not [file.name for file in below if "overshoot.study.numbers" in imported(file)]


OWN = sorted([*SOURCES, *ROOT.glob("tests/**/*.py"), *ROOT.glob("bench/**/*.py")])


def test_files_are_short() -> None:
    lines = {f.relative_to(ROOT).as_posix(): len(f.read_text(encoding="utf-8").splitlines()) for f in OWN}
    assert not {file: n for file, n in lines.items() if n > 400}, "split"


def test_functions_are_short() -> None:
    """The statements of each; signature and docstring do not count."""
    found = {}
    for file in SOURCES:
        place = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                if body and body[-1].end_lineno - body[0].lineno >= 40:
                    found[f"{place}:{node.name}"] = body[-1].end_lineno - body[0].lineno + 1
    assert not found, "split"
