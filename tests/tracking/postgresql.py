"""A PostgreSQL server for a process of tests: in a folder of its own, without a port, gone at its end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine

TEMPLATE = "empty_store"


@dataclass(frozen=True)
class Server:
    """A running server. folder: where its socket is."""

    folder: Path

    def address(self, name: str) -> str:
        """Of the database with this name, there or not."""
        return f"postgresql://overshoot:secret@/{name}?host={self.folder}"

    def new_store(self) -> str:
        """The address of a new database with MLflow's tables and nothing in them."""
        return self._copy(TEMPLATE, f"test_{uuid.uuid4().hex}")

    def new_database(self) -> str:
        """The address of a new database with nothing in it at all."""
        return self._copy("template0", f"test_{uuid.uuid4().hex}")

    def make_template(self) -> None:
        """Let MLflow make its tables, once, which takes seconds."""
        address = self._copy("template1", TEMPLATE)
        # In a process of its own: a database that somebody is connected to cannot be copied.
        code = "import sys; from overshoot.study.tracking.connect import connect; connect(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, address], check=True)

    def _copy(self, template: str, name: str) -> str:
        engine = create_engine(self.address("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as db:
            db.exec_driver_sql(f"create database {name} template {template}")
        engine.dispose()
        return self.address(name)


@contextmanager
def running() -> Iterator[Server]:
    """Start a server, and stop it."""
    programs = _programs()
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root

    def run(program: str, *arguments: str) -> None:
        command = [programs / program, "-D", data, *arguments]
        subprocess.run(command, check=True, user=user, cwd="/", stdout=subprocess.DEVNULL)

    with tempfile.TemporaryDirectory(prefix="postgresql-") as folder:
        data = f"{folder}/data"
        if user:
            shutil.chown(folder, user)
        run("initdb", "--auth=trust", "--username=overshoot", "--no-sync", "--no-locale", "--encoding=UTF8")
        try:
            options = f"--options=-k {folder} -h '' -c fsync=off"
            run("pg_ctl", "start", "-w", "-t", "300", f"--log={folder}/log", options)
            server = Server(Path(folder))
            server.make_template()
            yield server
        finally:
            run("pg_ctl", "stop", "-m", "immediate")


def _programs() -> Path:
    """The folder of PostgreSQL's server programs: Debian keeps them out of the PATH, one for each version."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    if newest := max(versions, key=lambda folder: int(folder.parent.name), default=None):
        return newest
    pytest.fail("this test needs PostgreSQL's server; on Debian or Ubuntu: sudo apt-get install postgresql")
