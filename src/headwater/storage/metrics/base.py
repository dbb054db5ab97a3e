"""What a metric engine offers, whatever database holds it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from headwater.entities.drawing import Cut, Drawing
from headwater.entities.metric import Points, Series
from headwater.storage.metadata.base import Connection


class MetricEngine(ABC):
    """Stores the points of runs and keeps MLflow's ``latest_metrics`` in step.

    Guarantees: `append` takes part in the caller's transaction. Reads see blocks, chunks and
    the rows of MLflow's ``metrics`` table alike. Exact duplicates (key, step, timestamp, value)
    count once.
    """

    @abstractmethod
    def append(self, connection: Connection, run_id: str, points: Points) -> None:
        """Store points of an existing run and update its latest metrics."""

    @abstractmethod
    def append_point(
        self,
        connection: Connection,
        run_id: str,
        key: str,
        step: int,
        timestamp: int,
        value: float,
    ) -> None:
        """Store one point, as `append` does; the value must be storable (see `Points`)."""

    @abstractmethod
    def append_block(
        self, connection: Connection, run_id: str, points: Points, block: bytes
    ) -> None:
        """Store points, at least one, that `headwater.wire.metric_block` has encoded already."""

    def run_ended(self, run_id: str) -> None:  # noqa: B027  # a hint that may be ignored
        """Take note that no more points of the run are expected."""

    @abstractmethod
    def histories(
        self, connection: Connection, run_ids: Sequence[str], key: str
    ) -> dict[str, Series]:
        """Return the points of one metric for each run that has any.

        Each series is sorted by (timestamp, step, value), NaN compared as 0, as MLflow does.
        """

    def history(self, connection: Connection, run_id: str, key: str) -> Series | None:
        """Return the points of one metric of one run, or None where there are none."""
        return self.histories(connection, [run_id], key).get(run_id)

    @abstractmethod
    def drawn(self, connection: Connection, run_id: str, key: str, cut: Cut) -> Drawing | None:
        """Return a metric of a run thinned out for a chart, or None where it has no point at all.

        The range is cut into even buckets; of each, the least and the greatest point stay, and a
        NaN where there is nothing else. The first and the last point of the range always stay. How
        even the buckets of long series are is told in `headwater.storage.metrics.drawing`. Reads
        about as much as it returns, however long the series is.
        """
