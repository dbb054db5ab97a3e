"""Read metrics of runs for a chart, thinned out without losing a spike."""

from headwater.entities.metric import Series
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics.merge import by_step
from headwater.tracking.downsample import between, downsample
from headwater.tracking.service import TrackingService
from headwater.wire.metric_series import DrawnSeries, SeriesRequest


async def metric_series(service: TrackingService, wanted: SeriesRequest) -> list[DrawnSeries]:
    """Return the series that have points in the range, by run, then by key, as asked for."""

    def read(connection: Connection) -> list[DrawnSeries]:
        found: dict[tuple[str, str], DrawnSeries] = {}
        for key in wanted.keys:
            histories = service.metrics.histories(connection, wanted.run_ids, key)
            for run_id, history in histories.items():
                drawn = draw(run_id, key, history, wanted)
                if drawn.total:
                    found[run_id, key] = drawn
        places = ((run_id, key) for run_id in wanted.run_ids for key in wanted.keys)
        return [found[place] for place in places if place in found]

    return await service.database.read(read)


def draw(run_id: str, key: str, history: Series, wanted: SeriesRequest) -> DrawnSeries:
    """Cut a history, which is ordered by time, to the wanted range and number of points."""
    if wanted.axis == "step":
        history = by_step(history)
        within = history.take(between(history.steps, wanted.start, wanted.end))
        points = downsample(within, within.steps, wanted.points)
    else:
        within = history.take(between(history.timestamps, wanted.start, wanted.end))
        points = downsample(within, within.timestamps, wanted.points)
    return DrawnSeries(run_id, key, len(within), points)
