"""Read one metric of one run."""

from headwater.entities.metric import Series
from headwater.tracking.service import TrackingService


async def get_metric_history(
    service: TrackingService, run_id: str, key: str, offset: int, max_results: int | None
) -> tuple[Series | None, int | None]:
    """Return a page of a metric's points by (timestamp, step, value), and the next page's offset.

    None stands for no points and for no further page. A run that does not exist has no points.
    """
    series = await service.database.read(
        lambda connection: service.metrics.history(connection, run_id, key)
    )
    if series is None:
        return None, None
    if max_results is None:
        return series.take(slice(offset, None)), None
    end = offset + max_results
    return series.take(slice(offset, end)), end if end < len(series) else None
