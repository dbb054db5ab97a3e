"""Read one metric of several runs."""

from collections.abc import Sequence

from headwater.entities.metric import Series
from headwater.tracking.service import TrackingService


async def get_metric_history_bulk(
    service: TrackingService, run_ids: Sequence[str], key: str, max_results: int
) -> list[tuple[str, Series]]:
    """Return the first ``max_results`` points by (run id, timestamp, step, value)."""
    histories = await service.database.read(
        lambda connection: service.metrics.histories(connection, sorted(set(run_ids)), key)
    )
    pages, wanted = [], max_results
    for run_id, series in histories.items():
        if wanted <= 0:
            break
        pages.append((run_id, series.take(slice(0, wanted))))
        wanted -= len(series)
    return pages
