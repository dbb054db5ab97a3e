"""Which params matter for a metric of runs: read both, leave the rest to the analysis."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from headwater.entities.importance import Importance
from headwater.entities.reduction import Reduction, parse_reduction
from headwater.entities.run_field import RunField
from headwater.errors import InvalidParameterError
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.compared_runs import param_keys
from headwater.storage.metadata.run_columns import load_columns
from headwater.tracking.analysis_thread import analysed
from headwater.tracking.selected_runs import reduced_values, selected_runs
from headwater.tracking.service import TrackingService
from headwater.wire.importance import MOST_PARAMS, ImportanceRequest

MOST_RUNS = 10_000
MOST_VALUES = 1_000_000
"""Runs times params."""

MOST_SECONDS = 60.0
"""Of computing, after the runs are read."""

_LONG = 200
"""Characters from which a text is told apart by a digest, not kept."""


@dataclass(frozen=True, slots=True)
class _Read:
    params: Mapping[str, Sequence[str | None]]
    values: Sequence[float]


async def importance(service: TrackingService, wanted: ImportanceRequest) -> Importance:
    """Return which params matter for a metric, from one snapshot of the runs.

    Raises:
        InvalidParameterError: a field cannot be served, or the runs cannot tell; says why.
        NotFoundError: there is no experiment or project of a name.
        StatementTimeoutError: the search took too long.
        ConfigurationError: scikit-learn is not installed.
    """
    reduction = parse_reduction(wanted.reduction)
    read = await service.database.search(
        lambda connection: _read(connection, service, wanted, reduction), service.search_seconds
    )
    # Loaded with the first request: scipy and scikit-learn would make every server larger.
    compute = importlib.import_module("headwater.analysis.importance").importance
    found: Importance = await analysed(
        lambda: compute(
            read.params,
            read.values,
            metric=wanted.metric,
            trees=wanted.trees,
            seed=wanted.seed,
            seconds=MOST_SECONDS,
        )
    )
    return found


def _read(
    connection: Connection,
    service: TrackingService,
    wanted: ImportanceRequest,
    reduction: Reduction,
) -> _Read:
    run_ids = selected_runs(connection, service, wanted.where, MOST_RUNS)
    values = reduced_values(connection, service, run_ids, wanted.metric, reduction)
    if not values:
        raise InvalidParameterError(
            f"Invalid value for parameter 'metric': none of the {len(run_ids):,} runs that are "
            f"selected has {wanted.metric!r}"
        )
    keys = param_keys(connection, run_ids)
    if wanted.params:
        _check_known(wanted.params, keys)
        keys = list(wanted.params)
    if len(keys) > MOST_PARAMS:
        raise InvalidParameterError(
            f"the runs have {len(keys):,} params, and {MOST_PARAMS} can be looked at; name them in "
            "'params'"
        )
    if len(keys) * len(run_ids) > MOST_VALUES:
        raise InvalidParameterError(
            f"{len(keys):,} params of {len(run_ids):,} runs are more than {MOST_VALUES:,} values; "
            "narrow the filter or name fewer in 'params'"
        )
    params = {}
    for key in keys:  # one at a time, as texts may be long
        (column,) = load_columns(connection, run_ids, [RunField("param", key)])
        params[key] = [_short(value) for value in column.values]
    reduced = (values.get(run_id, (None, None))[0] for run_id in run_ids)
    return _Read(params, [float("nan") if value is None else value for value in reduced])


def _check_known(wanted: Sequence[str], keys: Sequence[str]) -> None:
    unknown = [key for key in wanted if key not in set(keys)]
    if unknown:
        raise InvalidParameterError(
            f"Invalid value for parameter 'params': none of the runs has {unknown[0]!r}"
        )


def _short(value: str | None) -> str | None:
    if value is None or len(value) <= _LONG:
        return value
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
