"""Store a client's frame of points and operations, exactly once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headwater.entities.metric import Points, storable
from headwater.errors import ConflictError, InvalidParameterError, NotServedError, RequestError
from headwater.storage.metadata import ingest_clients
from headwater.storage.metadata.base import Connection
from headwater.tracking import clock, validate
from headwater.tracking.apply_operation import (
    apply_operation,
    create_experiments,
    plan_operation,
)
from headwater.tracking.existing import require_run_of_frame
from headwater.tracking.service import TrackingService
from headwater.tracking.update_run import ENDED
from headwater.wire import metric_block
from headwater.wire.ingest import Batch, Frame, Ingested, Refused
from headwater.wire.operations import Operation, UpdateRun

_LARGE, _MANY = 10_000, 20
"""Points and operations that take more than a millisecond or two to store."""


@dataclass(frozen=True)
class IngestPlan:
    """A frame to store, run by run."""

    client_id: str
    sequence: int
    works: Sequence["_Work"]
    """In the order of the run ids, so that no two servers wait for each other's runs."""

    operations: Sequence[Operation]
    """All that are carried out."""

    refused: Sequence[Refused]
    """What is not, whatever is stored."""

    points: int

    @property
    def is_long(self) -> bool:
        """Say whether it takes more than a millisecond or two to store."""
        return self.points > _LARGE or len(self.operations) > _MANY


@dataclass(frozen=True, slots=True)
class _Work:
    """What a frame brings a run: operations with their positions, then points."""

    run_id: str
    operations: Sequence[tuple[int, Operation]]
    batches: Sequence[Batch]


def plan_ingest(frame: Frame) -> IngestPlan:
    """Return what to store, with values as MLflow stores them.

    Raises:
        InvalidParameterError: a batch's run id, metric key or timestamp is one that MLflow refuses.
    """
    batches: dict[str, list[Batch]] = {}
    for batch in frame.batches:
        batches.setdefault(batch.run_id, []).append(_plan_batch(batch))
    operations: dict[str, list[tuple[int, Operation]]] = {}
    refused = []
    for position, operation in enumerate(frame.operations):
        try:
            planned = plan_operation(operation)
        except InvalidParameterError as error:
            refused.append(_refused(operation.run_id, error, position))
        else:
            operations.setdefault(operation.run_id, []).append((position, planned))
    run_ids = sorted({*batches, *operations})
    return IngestPlan(
        frame.client_id,
        frame.sequence,
        [_Work(run, operations.get(run, ()), batches.get(run, ())) for run in run_ids],
        [operation for planned in operations.values() for _, operation in planned],
        refused,
        sum(len(batch.points) for batch in frame.batches),
    )


async def ingest(service: TrackingService, plan: IngestPlan) -> Ingested:
    """Store a planned frame durably, unless it is stored already.

    What concerns runs that do not exist or are deleted, and operations that cannot be carried out,
    is left out and reported: no later frame would change that, and it must not keep the rest
    waiting.

    Raises:
        ConflictError: frames of the client before this one are not stored.
        InvalidParameterError: the database refused something of it; nothing was stored.
    """
    try:
        result = await service.database.write(
            lambda connection: _store(service, connection, plan), long=plan.is_long
        )
    except NotServedError as error:
        raise InvalidParameterError(f"The frame cannot be stored: {error}") from error
    if not result.duplicate:
        for operation in plan.operations:
            if isinstance(operation, UpdateRun) and operation.status in ENDED:
                service.metrics.run_ended(operation.run_id)
    return result


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


def _store(service: TrackingService, connection: Connection, plan: IngestPlan) -> Ingested:
    stored = ingest_clients.locked_position(connection, plan.client_id)
    if plan.sequence > stored + 1:
        raise ConflictError(
            f"Frame {stored + 1} of client {plan.client_id} was expected, not {plan.sequence}; "
            "send the frames in order, or start at 1 with another client id"
        )
    new = plan.sequence > stored and ingest_clients.advance(
        connection, plan.client_id, plan.sequence, clock.now()
    )
    points = 0
    refused = list(plan.refused)
    if new:
        create_experiments(service, connection, plan.operations)
    for work in plan.works:
        if new:
            refused += _apply(service, connection, work.operations)
        if not work.batches:
            continue
        try:
            require_run_of_frame(connection, work.run_id)
        except RequestError as error:
            refused += [_refused(work.run_id, error)] * len(work.batches)
        else:
            points += _append(service, connection, work.batches) if new else 0
    return Ingested(max(stored, plan.sequence), not new, points, refused)


def _apply(
    service: TrackingService, connection: Connection, operations: Sequence[tuple[int, Operation]]
) -> Iterator[Refused]:
    for position, operation in operations:
        try:
            apply_operation(service, connection, operation)
        except RequestError as error:
            yield _refused(operation.run_id, error, position)


def _append(service: TrackingService, connection: Connection, batches: Sequence[Batch]) -> int:
    points = 0
    for batch in batches:
        if len(batch.points):
            service.metrics.append_block(connection, batch.run_id, batch.points, batch.block)
            points += len(batch.points)
    return points


def _refused(run_id: str, error: RequestError, position: int | None = None) -> Refused:
    return Refused(run_id, error.error_code, str(error), position)
