"""Compares what a run's histories say before and after work that must not change them."""

import hashlib
from dataclasses import dataclass

import numpy as np

from headwater.entities.metric import Series, ordering_values
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics.base import MetricEngine

_KEYS = """
SELECT key FROM latest_metrics WHERE run_uuid = ?
UNION SELECT key FROM metrics WHERE run_uuid = ?
UNION SELECT key FROM headwater_metric_series WHERE run_uuid = ?
ORDER BY 1
"""


@dataclass(frozen=True)
class Fingerprint:
    """Of a history, as a reader gets it."""

    points: int
    digest: bytes


def fingerprints(
    connection: Connection, metrics: MetricEngine, run_id: str
) -> dict[str, Fingerprint]:
    """Read every history of a run as a server would, one at a time."""
    keys = [key for (key,) in connection.execute(_KEYS, (run_id,) * 3).fetchall()]
    found = {}
    for key in keys:
        if (history := metrics.history(connection, run_id, key)) is not None:
            found[key] = _fingerprint(history)
    return found


def differing(before: dict[str, Fingerprint], after: dict[str, Fingerprint]) -> list[str]:
    """Return the keys whose histories say something else; one that has grown is another matter."""
    return [
        key
        for key, was in before.items()
        if (now := after.get(key)) is None
        or now.points < was.points
        or (now.points == was.points and now.digest != was.digest)
    ]


def _fingerprint(history: Series) -> Fingerprint:
    digest = hashlib.blake2b(digest_size=16)
    columns = (history.steps, history.timestamps, ordering_values(history.values))
    for column in (*columns, np.isnan(history.values)):
        digest.update(np.ascontiguousarray(column).data)
    return Fingerprint(len(history), digest.digest())
