"""Bytes that a point takes on disk."""

from collections.abc import Sequence

from benchmarks.history import written_history
from benchmarks.summary import Figure
from benchmarks.trial import Trial


class Disk(Trial):
    """Growth of the database by one long history, the write-ahead log written back."""

    figures = (Figure("disk", "disk per point", "B", "lower"),)
    rounds = 1

    def run(self) -> Sequence[float]:
        """Return bytes per point."""
        history = written_history(self.server, self.scale.history_points)
        return [history.bytes_on_disk / len(history.points)]
