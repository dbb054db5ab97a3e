"""What is compared: server programs, how they are started, and what they play in the comparison."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.storage import Database, SqliteStorage, Storage
from benchmarks.summary import Sides

MLFLOW = "MLflow"
"""The template that MLflow itself writes."""

PEER = "FastTrackML"
OURS = "Headwater"
_STORE = "headwater-cas+file://"
OURS_ON_POSTGRES = "Headwater, PostgreSQL"

Command = Callable[[Path, Database, int], list[str]]
"""Takes the data directory, the database and the port."""


@dataclass(frozen=True)
class Contender:
    """A server program and how to start it."""

    name: str
    command: Command
    storage: Storage = field(default_factory=SqliteStorage)
    template: str = MLFLOW
    """Contenders that name the same one start from copies of one database."""

    stock: bool = False
    ours: bool = False
    lacks: frozenset[str] = frozenset()
    """Verbs of MLflow's API that it does not have."""


def stock_mlflow(executable: Path, workers: int | None) -> Contender:
    """Return `mlflow server`; None leaves the number of workers at its default."""
    options = [] if workers is None else ["--workers", str(workers)]
    name = "MLflow, 4 workers" if workers is None else f"MLflow, --workers {workers}"
    return Contender(name, _mlflow_like(executable, *options), stock=True)


def headwater(executable: Path) -> Contender:
    """Return `headwater server`."""
    return Contender(OURS, _mlflow_like(executable, scheme=_STORE), ours=True)


def headwater_on_postgres(executable: Path, storage: Storage) -> Contender:
    """Return `headwater server` on PostgreSQL."""
    return Contender(
        OURS_ON_POSTGRES,
        _mlflow_like(executable, scheme=_STORE),
        storage,
        template="PostgreSQL",
        ours=True,
    )


def relaxed(contender: Contender) -> Contender:
    """Return Headwater answering before the disk has synced."""

    def command(directory: Path, database: Database, port: int) -> list[str]:
        return [*contender.command(directory, database, port), "--relaxed-durability"]

    return replace(contender, command=command)


def fasttrackml(executable: Path) -> Contender:
    """Return FastTrackML's `fml server`, which has a schema of its own."""

    def command(directory: Path, database: Database, port: int) -> list[str]:
        return [
            *(str(executable), "server", f"--listen-address=127.0.0.1:{port}"),
            f"--database-uri={database.uri}",
            f"--default-artifact-root={directory / 'artifacts'}",
        ]

    return Contender(
        PEER,
        command,
        SqliteStorage("sqlite://"),
        template=PEER,
        lacks=frozenset({"artifacts", "checkpoints", "get_metric_history_bulk_interval"}),
    )


def sides(contenders: Sequence[Contender]) -> Sides:
    """Return who is compared with whom."""
    return Sides(
        stock=tuple(contender.name for contender in contenders if contender.stock),
        peer=PEER,
        ours=OURS,
        ours_on_postgres=OURS_ON_POSTGRES,
    )


def beside_python(program: str) -> Path:
    """Return a program of the running interpreter's environment."""
    return Path(sys.executable).parent / program


def _mlflow_like(executable: Path, *options: str, scheme: str = "") -> Command:
    def command(directory: Path, database: Database, port: int) -> list[str]:
        return [
            *(str(executable), "server", "--host=127.0.0.1", f"--port={port}"),
            f"--backend-store-uri={database.uri}",
            f"--artifacts-destination={scheme}{directory.absolute() / 'artifacts'}",
            *options,
        ]

    return command
