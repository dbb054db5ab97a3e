"""Prefetches models for the command line, where a fault of one is no fault of the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import mlflow
from mlflow.exceptions import MlflowException
from requests import RequestException

from headwater.mlflow_plugin.load_model import prefetch


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a URI."""

    uri: str
    files: int = 0
    size: int = 0
    """Bytes of the files."""

    fetched: int = 0
    """Bytes of those that were not in the cache."""

    fault: str | None = None


def prefetch_each(uris: Sequence[str], tracking_uri: str | None) -> Iterator[Outcome]:
    """Bring each into the cache, in its turn."""
    if tracking_uri is not None:
        mlflow.set_tracking_uri(tracking_uri)
    for uri in uris:
        try:
            (found,) = prefetch(uri)
        except (MlflowException, RequestException, OSError) as error:
            yield Outcome(uri, fault=str(error))
        else:
            yield Outcome(uri, found.files, found.size, found.fetched)
