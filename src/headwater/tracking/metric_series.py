"""Read metrics of runs for a chart, thinned out without losing a spike."""

from headwater.entities.drawing import Cut
from headwater.storage.metadata.base import Connection
from headwater.tracking.service import TrackingService
from headwater.wire.metric_series import DrawnSeries, SeriesRequest


async def metric_series(service: TrackingService, wanted: SeriesRequest) -> list[DrawnSeries]:
    """Return the series that have points in the range, by run, then by key, as asked for."""
    cut = Cut(wanted.axis, wanted.start, wanted.end, wanted.points)

    def read(connection: Connection) -> list[DrawnSeries]:
        found = []
        for run_id in wanted.run_ids:
            for key in wanted.keys:
                drawing = service.metrics.drawn(connection, run_id, key, cut)
                if drawing is not None and drawing.total:
                    found.append(DrawnSeries(run_id, key, drawing.total, drawing.points))
        return found

    return await service.database.read(read)
