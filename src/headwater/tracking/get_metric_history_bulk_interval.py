"""Sample one metric of several runs for a chart."""

from collections.abc import Sequence

from headwater.entities.drawing import Cut
from headwater.entities.metric import Series
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics.base import MetricEngine
from headwater.storage.metrics.merge import by_step
from headwater.tracking.sample import points_at, sample_steps
from headwater.tracking.service import TrackingService


async def get_metric_history_bulk_interval(
    service: TrackingService,
    run_ids: Sequence[str],
    key: str,
    max_results: int,
    steps: tuple[int, int] | None,
) -> list[tuple[str, Series]]:
    """Return for each run that has the metric its points by step, thinned out: see `sampled`."""
    return await service.database.read(
        lambda connection: sampled(
            service.metrics,
            connection,
            run_ids,
            key,
            max_results,
            steps,
            rows=service.behaviour.samples_rows,
        )
    )


def sampled(
    metrics: MetricEngine,
    connection: Connection,
    run_ids: Sequence[str],
    key: str,
    max_results: int,
    steps: tuple[int, int] | None,
    *,
    rows: bool,
) -> list[tuple[str, Series]]:
    """Return no more points of a run than MLflow does, but always its extremes.

    Where MLflow returns every point, these are the same. ``rows`` chooses its way since 3.15, at
    most ``max_results`` points of each run, over the one before: as many as lie at about
    ``max_results`` of the steps that the runs have together, which takes reading all of them.
    """
    distinct = list(dict.fromkeys(run_ids))
    found: dict[str, Series] = {}
    if rows:
        start, end = steps or (None, None)
        cut = Cut("row", start, end, max_results)
        for run_id in distinct:
            drawing = metrics.drawn(connection, run_id, key, cut)
            if drawing is not None:
                found[run_id] = drawing.points
    elif histories := metrics.histories(connection, distinct, key):
        sample = sample_steps(histories, max_results, steps)
        found = {run_id: points_at(by_step(of), sample) for run_id, of in histories.items()}
    return [(run_id, found[run_id]) for run_id in run_ids if run_id in found]
