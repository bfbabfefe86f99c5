"""The handbook's server: runs in PostgreSQL, files in an object store that speaks S3."""

from __future__ import annotations

import re
import shlex
import sys
from contextlib import closing
from pathlib import Path

import boto3
import pytest

from overshoot.study.cli import main
from overshoot.study.tracking import open_store
from tests.execution.test_processes import EXPERIMENT
from tests.tracking.postgresql import Server
from tests.tracking.serving import free_ports, started

ROOT = Path(__file__).parents[2]
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


def handbook(database: str, bucket: str, port: int) -> list[str]:
    """The command of the handbook for a server, for what is here."""
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8").replace("\\\n", " ")
    (command,) = re.findall(r"^mlflow server .*$", text, flags=re.MULTILINE)
    here = {"postgresql://HOST/DATABASE": database, "BUCKET": bucket, "5000": str(port)}
    for name, value in here.items():
        assert name in command
        command = command.replace(name, value)
    return [sys.executable, "-m", *shlex.split(command)]


@pytest.mark.slow
def test_a_study_lives_in_a_database_and_an_object_store(
    postgresql: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    objects, tracking = free_ports(2)
    endpoint, address = f"http://127.0.0.1:{objects}", f"http://127.0.0.1:{tracking}"
    moto = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(objects)]
    variables = KEYS | {"MLFLOW_S3_ENDPOINT_URL": endpoint}
    file = tmp_path / "experiment.toml"
    file.write_text(EXPERIMENT.replace('"full", 1', '"full"').replace('"iris", "moons"', '"iris"'))
    run = ["run", str(file), "--results", str(tmp_path / "results")]
    with started(moto, f"{endpoint}/moto-api/", {}, tmp_path / "objects.log"):
        s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name=KEYS["AWS_DEFAULT_REGION"],
            aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        )
        s3.create_bucket(Bucket="cells")
        server = handbook(postgresql.new_store(), "cells", tracking)
        with started(server, f"{address}/health", variables, tmp_path / "server.log"):
            monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
            assert main(run) == 0
            capsys.readouterr()
            assert main(run) == 0
            assert "2 cells, 2 stored, 0 to run" in capsys.readouterr().out
            with closing(open_store(tmp_path / "elsewhere", reading=True)) as store:
                cells = store.read("interrupted")
                assert all(len(cell.curves) for cell in cells)
            names = [found["Key"] for found in s3.list_objects_v2(Bucket="cells")["Contents"]]
    assert len(cells) == 2
    assert all(name.startswith("overshoot/") for name in names)
    assert sum(name.endswith("report.html") for name in names) == 1
    assert not (tmp_path / "results" / "artifacts").exists()
