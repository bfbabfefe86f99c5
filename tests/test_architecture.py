"""Rooms: which part may import what. Read from the sources, so that it cannot be forgotten."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
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


SAID_BELOW = {
    "phases/edge.py": ["none of this experiment's"],
    "execution/cluster.py": [
        "the Dask scheduler is gone; what was finished is stored, and the same command continues"
    ],
    "execution/engine.py": ["its worker process was killed each time"],
    "execution/memory.py": ["use a machine with more, smaller networks or fewer trials"],
    "execution/compiling.py": ["compiling for this machine, once: {}", "compiled for this machine in {} s"],
    "execution/progress.py": ["{}/{} cells · {} trials · {} trials/s"],
}
"""What is said there all the same: parts of errors, and the lines that are shown while cells train."""


def test_nothing_below_findings_writes_prose() -> None:
    """Tables hold numbers and codes: sentences, and what writes numbers as text, are not there."""
    files = {
        f"{room}/{file.name}": file
        for room in ("phases", "analysis", "execution")
        for file in (ROOT / "study" / room).glob("*.py")
    }
    tables = {name: file for name, file in files.items() if not name.startswith("execution/")}
    assert not [name for name, file in tables.items() if "overshoot.study.numbers" in imported(file)]
    said = {name: sentences(file.read_text("utf-8")) for name, file in files.items()}
    assert {name: texts for name, texts in said.items() if texts} == SAID_BELOW


def test_a_sentence_is_seen() -> None:
    """Whole or with values in it; a docstring, an error, what a fault says and an enum's labels are none."""
    source = '''
"""What this module is for, at some length."""
NOTE = "Adam trains furthest of all."
TITLE = "edge of stability"
class Kind(StrEnum):
    WIDE = "works over a wide range"
class Rule:
    """How it is with such a rule."""
    def fault(self): return "no cell of these has all three"
def claim(n, rate):
    assert n, "it is asked where there is one"
    if not rate: raise ValueError(f"expected a rate above 0, got {rate}")
    return f"{n} of the runs" + f"{n:.3f} runs" + "lr" + Failure(n, "it did not come to its end")
'''
    assert sentences(source) == ["Adam trains furthest of all.", "{} of the runs"]


def sentences(source: str) -> list[str]:
    """Texts of at least four words, or of three around a value, in their order; what is put in is {}."""
    tree = ast.parse(source)
    apart = {id(part) for node in ast.walk(tree) if _is_apart(node) for part in ast.walk(node)}
    apart |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    texts = [
        (node.lineno, node.col_offset, text, 3 if isinstance(node, ast.JoinedStr) else 4)
        for node in ast.walk(tree)
        if id(node) not in apart and isinstance(node, ast.expr) and (text := _text(node))
    ]
    return [text for _, _, text, least in sorted(texts) if _words(text) >= least]


def _words(text: str) -> int:
    return sum(bool(re.search("[A-Za-z]{2}", part)) for part in text.split())


def _is_apart(node: ast.AST) -> bool:
    match node:
        case ast.Raise() | ast.Assert() | ast.FunctionDef(name="fault"):
            return True
        case ast.Expr(value=ast.Constant()):  # a docstring
            return True
        case ast.Call(func=ast.Name(id="Failure") | ast.Attribute(attr="fail")):
            return True
        case ast.ClassDef(bases=[ast.Name(id="StrEnum")]):
            return True
    return False


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or "{}" for part in parts)
    return ""


ADDRESS = r"#/experiments|viewStateShareKey|mlflow-artifacts:|/api/2\.0|ajax-api|sqlite:///|http://(127|localhost|\{HOST)"


def test_nothing_outside_of_tracking_builds_an_mlflow_address() -> None:
    """Neither of a store nor of its pages: in code, templates and scripts."""
    kinds = ("py", "j2", "html", "js")
    files = [
        file for kind in kinds for file in [*ROOT.glob(f"study/**/*.{kind}"), *ROOT.glob(f"core/**/*.{kind}")]
    ]
    built = {
        file.relative_to(ROOT).as_posix()
        for file in files
        if re.search(ADDRESS, file.read_text(encoding="utf-8"))
    }
    assert built == {f"study/tracking/{name}.py" for name in ("making", "connect", "server", "views")}


def test_no_file_and_no_class_has_the_name_of_another() -> None:
    files = [file for folder in ("core", "study", "bench", "docs") for file in ROOT.glob(f"{folder}/**/*.py")]
    names = [file.name for file in files if not file.name.startswith("__")]
    names += [
        node.name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    ]
    assert not [name for name, count in Counter(names).items() if count > 1]


def test_names_and_texts_use_the_words_of_the_field() -> None:
    """A name says what a thing holds, not that it was found; the cliff is prose, the limit a name."""
    wrong = [
        f"{file.relative_to(ROOT).as_posix()}: {name}"
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in [getattr(node, "id", None) or getattr(node, "arg", None) or getattr(node, "name", None)]
        if isinstance(name, str) and (name == "found" or "cliff" in name.lower())
    ]
    wrong += [
        f"{file.relative_to(ROOT).as_posix()}: {phrase}"
        for file in [*SOURCES, *ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
        for phrase in ("told apart", "tells apart", "not to be computed", "with grounds")
        if phrase in file.read_text(encoding="utf-8")
    ]
    assert not wrong


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
