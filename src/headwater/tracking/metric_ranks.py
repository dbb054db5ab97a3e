"""Read a metric of a distributed training, aggregated over its ranks."""

from collections.abc import Sequence

from headwater.entities.over_ranks import OverRanks
from headwater.entities.rank_key import SEPARATOR, rank_of
from headwater.storage.metadata import runs
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.run_data import metric_keys
from headwater.tracking.existing import run_not_found
from headwater.tracking.over_ranks import over_ranks
from headwater.tracking.service import TrackingService
from headwater.wire.metric_ranks import RanksRequest


async def metric_ranks(
    service: TrackingService, wanted: RanksRequest
) -> tuple[Sequence[int], OverRanks]:
    """Return the ranks that have logged the metric, and their aggregates by step.

    Raises:
        NotFoundError: there is no such run.
    """

    def read(connection: Connection) -> tuple[Sequence[int], OverRanks]:
        if runs.info(connection, wanted.run_id) is None:
            raise run_not_found(wanted.run_id)
        series = {}
        for key in metric_keys(connection, wanted.run_id, wanted.key, wanted.key + SEPARATOR):
            rank = rank_of(key, wanted.key)
            history = service.metrics.history(connection, wanted.run_id, key)
            if rank is not None and history is not None:
                series[rank] = history
        return sorted(series), over_ranks(series, wanted.points)

    return await service.database.read(read)
