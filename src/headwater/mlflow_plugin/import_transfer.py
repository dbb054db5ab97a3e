"""What all parts of an import share: from where to where, and what became of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy
from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from headwater.client.settings import http_uri
from headwater.storage.migrations import VERSION_TABLE

MARK = "headwater.imported_from"
"""Tag of what was imported, on the server; of a run or a trace, once all of it is there."""

_MOST_TEXT = 1_000


@dataclass
class Imported:
    """What became of an import."""

    runs: int = 0
    already: int = 0
    """Runs that an earlier import had brought."""

    points: int = 0
    models: int = 0
    """Registered models and prompts of which something was brought."""

    versions: int = 0
    """Of those."""

    traces: int = 0
    failures: list[str] = field(default_factory=list)
    """What could not be brought; it is tried again next time."""


class Transfer:
    """A source that is read, and a server that it is brought to."""

    def __init__(self, source_uri: str, target_uri: str, spools: Path) -> None:
        self.source_uri = _with_blocks(source_uri)
        self.target_uri = http_uri(target_uri)
        self.spools = spools
        self.source = MlflowClient(self.source_uri, registry_uri=self.source_uri)
        self.target = MlflowClient(self.target_uri, registry_uri=self.target_uri)
        self.result = Imported()
        self.origin = source_uri.rpartition("@")[2][:_MOST_TEXT]
        """The source without credentials, for the mark."""

    def copy_artifacts(self, source_uri: str, target_uri: str) -> None:
        """Copy all below one URI to below another.

        Raises:
            MlflowException, OSError: it cannot be read or written.
        """
        source = get_artifact_repository(source_uri, tracking_uri=self.source_uri)
        if not source.list_artifacts():
            return
        target = get_artifact_repository(target_uri, tracking_uri=self.target_uri)
        with TemporaryDirectory(prefix="import-", dir=self.made_spools()) as directory:
            target.log_artifacts(source.download_artifacts("", directory))

    def made_spools(self) -> Path:
        """Return the directory of spools, which is there."""
        self.spools.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.spools

    def target_experiment(self, experiment: Any) -> str:
        """Return the id of the server's experiment of that name, which is made if need be."""
        found = self.target.get_experiment_by_name(experiment.name)
        if found is not None:
            return str(found.experiment_id)
        return str(self.target.create_experiment(experiment.name, tags=dict(experiment.tags)))


def pages(fetch: Callable[[str | None], Any]) -> Iterator[Any]:
    """Yield what is on all pages; `fetch` takes the token of one."""
    token = None
    while True:
        page = fetch(token)
        yield from page
        token = page.token
        if not token:
            return


def _with_blocks(source_uri: str) -> str:
    """Return a URI by which the points of a database of Headwater's are seen, too."""
    if not source_uri.startswith(("sqlite:", "postgresql:")):
        return source_uri
    engine = sqlalchemy.create_engine(source_uri)
    try:
        is_ours = sqlalchemy.inspect(engine).has_table(VERSION_TABLE)
    finally:
        engine.dispose()
    return f"headwater+{source_uri}" if is_ours else source_uri
