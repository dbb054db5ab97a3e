"""Store a client's frame of points, exactly once."""

from dataclasses import replace

import numpy as np

from headwater.entities.metric import Points, storable
from headwater.errors import ConflictError, InvalidParameterError, NotServedError
from headwater.storage.metadata import ingest_clients, runs
from headwater.storage.metadata.base import Connection
from headwater.tracking import clock, validate
from headwater.tracking.existing import run_not_found
from headwater.tracking.service import TrackingService
from headwater.wire import metric_block
from headwater.wire.ingest import Batch, Frame, Ingested, RefusedBatch

_LARGE = 10_000
"""Points that take more than a millisecond or two to store."""


def plan_ingest(frame: Frame) -> Frame:
    """Return the frame with its values as MLflow stores them, its runs in order.

    Raises:
        InvalidParameterError: a run id, metric key or timestamp is one that MLflow refuses.
    """
    # In order, so that no two servers wait for each other's runs.
    return replace(frame, batches=sorted(map(_plan_batch, frame.batches), key=lambda b: b.run_id))


async def ingest(service: TrackingService, frame: Frame) -> Ingested:
    """Store a planned frame durably, unless it is stored already.

    Batches of runs that do not exist or are deleted are left out and reported: no later frame
    would bring them back, and they must not keep the other runs' points waiting.

    Raises:
        ConflictError: frames of the client before this one are not stored.
    """
    points = sum(len(batch.points) for batch in frame.batches)
    return await service.database.write(
        lambda connection: _store(service, connection, frame), long=points > _LARGE
    )


async def ingest_position(service: TrackingService, client_id: str) -> int:
    """Return the sequence of the client's last stored frame, 0 where there is none."""
    return await service.database.read(
        lambda connection: ingest_clients.position(connection, client_id), brief=True
    )


def _plan_batch(batch: Batch) -> Batch:
    try:
        validate.run_id(batch.run_id)
        for key in batch.points.keys:
            validate.key(key)
    except NotServedError as error:
        raise InvalidParameterError(f"Run {batch.run_id}: {error}") from error
    points = batch.points
    if len(points) and points.timestamps.min() < 0:
        raise InvalidParameterError(f"Run {batch.run_id}: a negative timestamp")
    if _is_storable(points):
        return batch
    points = replace(points, values=storable(points.values))
    return Batch(batch.run_id, points, metric_block.encode(points))


def _is_storable(points: Points) -> bool:
    values = points.values
    odd = np.isinf(values) | ((values == 0) & np.signbit(values))
    return not odd.any()


def _store(service: TrackingService, connection: Connection, frame: Frame) -> Ingested:
    stored = ingest_clients.locked_position(connection, frame.client_id)
    if frame.sequence > stored + 1:
        raise ConflictError(
            f"Frame {stored + 1} of client {frame.client_id} was expected, not {frame.sequence}; "
            "send the frames in order, or start at 1 with another client id"
        )
    new = frame.sequence > stored and ingest_clients.advance(
        connection, frame.client_id, frame.sequence, clock.now()
    )
    points = 0
    refused = []
    for batch in frame.batches:
        reason = _refusal(connection, batch.run_id)
        if reason is not None:
            refused.append(reason)
        elif new and len(batch.points):
            service.metrics.append_block(connection, batch.run_id, batch.points, batch.block)
            points += len(batch.points)
    return Ingested(max(stored, frame.sequence), not new, points, refused)


def _refusal(connection: Connection, run_id: str) -> RefusedBatch | None:
    found = runs.lifecycle(connection, run_id)
    if found is None:
        missing = run_not_found(run_id)
        return RefusedBatch(run_id, missing.error_code, str(missing))
    if found[0] != runs.ACTIVE:
        message = f"Run {run_id} is {found[0]}; restore it to log into it"
        return RefusedBatch(run_id, InvalidParameterError.error_code, message)
    return None
