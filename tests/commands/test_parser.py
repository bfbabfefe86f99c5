"""The command line itself: its version, the nearest name for a wrong one, and completion by the shell."""

from __future__ import annotations

import subprocess
from importlib import metadata
from importlib.metadata import PackageNotFoundError, version

import pytest

from overshoot.study.cli import main
from overshoot.study.commands.parser import COMMANDS, SHELLS


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu"], "no command 'rnu'; did you mean \"run\"?"),
        (["chek-store"], 'did you mean "check-store"?'),
        (["run", "--wrokers=2", "x.toml"], '--wrokers=2 is not known here; did you mean "--workers"?'),
        (["report", "a", "--cpoy", "b"], 'did you mean "--copy"?'),
        (["lessons", "now"], "now is not known here"),
        (["list", "optimzers"], 'got "optimzers"; did you mean "optimizers"?'),
        (["run", "x.toml", "--engine", "dusk"], 'expected one of processes, dask, got "dusk"'),
        (["export", "study", "--format", "parket"], 'did you mean "parquet"?'),
        (["advise", "iris", "--missing", "maen"], 'did you mean "mean"?'),
        (["completion", "bsh"], 'did you mean "bash"?'),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert said in refused(capsys, *arguments)


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"overshoot {version('overshoot')}\n"


def test_a_clone_that_is_not_installed_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "overshoot 0+not.installed\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_completed(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert not [name for name in COMMANDS if name not in script]


def test_bash_completes_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    ask = (
        '\nCOMP_WORDS=(overshoot esti); COMP_CWORD=1; _shtab_overshoot; echo "${COMPREPLY[@]}"'
        '\nCOMP_WORDS=(overshoot run --wor); COMP_CWORD=2; _shtab_overshoot; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", capsys.readouterr().out + ask], capture_output=True, text=True, check=True
    )
    assert [line.strip() for line in done.stdout.splitlines()] == ["estimate", "--workers"]
