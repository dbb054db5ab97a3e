"""Sample one metric of several runs for a chart."""

from collections.abc import Mapping, Sequence

import numpy as np

from headwater.entities.metric import Series
from headwater.storage.metrics.merge import by_step
from headwater.tracking.sample import points_at, sample_rows, sample_steps
from headwater.tracking.service import TrackingService


async def get_metric_history_bulk_interval(
    service: TrackingService,
    run_ids: Sequence[str],
    key: str,
    max_results: int,
    steps: tuple[int, int] | None,
) -> list[tuple[str, Series]]:
    """Return for each run at most about ``max_results`` points by step, as MLflow samples them."""
    return await service.database.read(
        lambda connection: sampled(
            service.metrics.histories(connection, run_ids, key),
            run_ids,
            max_results,
            steps,
            rows=service.behaviour.samples_rows,
        )
    )


def sampled(
    histories: Mapping[str, Series],
    run_ids: Sequence[str],
    max_results: int,
    steps: tuple[int, int] | None,
    *,
    rows: bool,
) -> list[tuple[str, Series]]:
    """Sample full histories; ``rows`` chooses MLflow's way since 3.15 over the one before."""
    ordered = {run_id: by_step(series) for run_id, series in histories.items()}
    found = [(run_id, ordered[run_id]) for run_id in run_ids if run_id in ordered]
    if not found:
        return []
    if rows:
        return [(run_id, _rows(series, max_results, steps)) for run_id, series in found]
    wanted = sample_steps(ordered, max_results, steps)
    return [(run_id, points_at(series, wanted)) for run_id, series in found]


def _rows(series: Series, most: int, steps: tuple[int, int] | None) -> Series:
    if steps is not None:
        first = int(np.searchsorted(series.steps, steps[0], "left"))
        last = int(np.searchsorted(series.steps, steps[1], "right"))
        series = series.take(slice(first, last))
    return series.take(sample_rows(len(series), most))
