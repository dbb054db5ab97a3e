"""A metric of several ranks is aggregated from all of their series, and from no others."""

import numpy as np
import pytest
from tests.contracts.conftest import RUN_IDS, Backend
from tests.contracts.test_ingest import service_on

from headwater.entities.metric import Points
from headwater.errors import NotFoundError
from headwater.storage.metadata.base import Connection
from headwater.tracking.metric_ranks import metric_ranks
from headwater.wire.metric_ranks import RanksRequest

RUN = RUN_IDS[0]


async def test_ranks_are_found_by_their_keys(backend: Backend) -> None:
    keys = ("loss", "loss/rank/1", "loss/rank/12", "loss/rank/x", "loss_rank/1", "acc/rank/3")

    def log(connection: Connection) -> None:
        steps = np.zeros(len(keys), np.int64)
        times = np.arange(len(keys), dtype=np.int64)
        values = times.astype(np.float64)
        points = Points(keys, np.arange(len(keys)), steps, times, values)
        backend.metrics.append(connection, RUN, points)

    await backend.database.write(log)
    ranks, found = await metric_ranks(service_on(backend), RanksRequest(RUN, "loss", 10))
    assert ranks == [0, 1, 12]
    assert (found.mean.tolist(), found.count.tolist()) == ([1.0], [3])
    assert (found.straggler.tolist(), found.lag.tolist()) == ([12], [2])
    ranks, found = await metric_ranks(service_on(backend), RanksRequest(RUN, "none", 10))
    assert (ranks, found.steps.tolist()) == ([], [])


async def test_a_run_that_does_not_exist_is_told(backend: Backend) -> None:
    with pytest.raises(NotFoundError):
        await metric_ranks(service_on(backend), RanksRequest("f" * 32, "loss", 10))
