"""Tells the server that the process that logs is alive, and that it is gone."""

import logging
import time

from headwater.client.connection import MLFLOW_API, OWN_API, Connection
from headwater.client.spool.directory import SpoolDirectory
from headwater.client.spool.watched import read_watched
from headwater.errors import RequestError, UnknownRouteError

RANK_FAILURE = "headwater.rank_failure."
"""Tag of a run of which a rank from 1 on was killed, before the rank."""

_MOST_SECONDS = 15.0
_BEATS = 4
"""That fit into the silence after which a run is lost."""

_MOST_RUNS = 1_000
"""In one request."""

_logger = logging.getLogger(__name__)


class Lifeline:
    """Speaks for the runs of one spool, after all that was logged before is sent."""

    def __init__(self, directory: SpoolDirectory, connection: Connection) -> None:
        self._directory = directory
        self._connection = connection
        self._due = 0.0
        self._told: tuple[str, ...] = ()
        self._is_understood = True

    def beat(self) -> None:
        """Say that the runs are alive, where it is time to. Raises ServerError."""
        watched = read_watched(self._directory.path)
        now = time.monotonic()
        if not watched.lost_after or (now < self._due and watched.run_ids == self._told):
            return
        self._heartbeat(watched.run_ids, watched.lost_after)
        self._told = watched.run_ids
        self._due = now + min(_MOST_SECONDS, watched.lost_after / 1000 / _BEATS)

    def conclude(self, end_time: int) -> None:
        """Say what became of the runs of a process that is gone, since a time in milliseconds.

        Raises ServerError.
        """
        watched = read_watched(self._directory.path)
        if watched.has_left or not watched.lost_after:
            self._heartbeat(watched.run_ids, 0)
            return
        about = self._directory.about
        reason = f"killed: process {about.pid} on {about.host} is gone and has not ended the run"
        body = {"reason": reason, "end_time": end_time}
        self._post("runs/fail", watched.run_ids, body)
        for run_id, rank in watched.ranks.items():
            self._tell_of_rank(run_id, rank, f"killed: process {about.pid} on {about.host}")

    def _tell_of_rank(self, run_id: str, rank: int, reason: str) -> None:
        tag = {"run_id": run_id, "key": f"{RANK_FAILURE}{rank}", "value": reason}
        try:
            self._connection.post(f"{MLFLOW_API}/runs/set-tag", tag, idempotent=True)
        except RequestError as error:  # the run is deleted, say
            _logger.warning("run %s cannot tell that its rank %d is gone: %s", run_id, rank, error)

    def _heartbeat(self, run_ids: tuple[str, ...], lost_after: int) -> None:
        self._post("runs/heartbeat", run_ids, {"lost_after": lost_after})

    def _post(self, path: str, run_ids: tuple[str, ...], body: dict[str, object]) -> None:
        for first in range(0, len(run_ids), _MOST_RUNS):
            if not self._is_understood:
                return
            message = {**body, "run_ids": run_ids[first : first + _MOST_RUNS]}
            try:
                self._connection.post(f"{OWN_API}/{path}", message, idempotent=True)
            except (RequestError, UnknownRouteError) as error:
                # An older server: what is logged is more important.
                _logger.warning("the server does not watch over runs: %s", error)
                self._is_understood = False
