"""Runs as MLflow's ``Run`` message in JSON.

MLflow converts protocol buffers to JSON: absent fields are left out, 64-bit integers are numbers,
NaN is the string ``"NaN"``. ``data``, ``inputs`` and ``outputs`` appear even when empty.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from headwater.entities.run import (
    DatasetInput,
    LatestMetric,
    ModelInput,
    ModelOutput,
    Param,
    Run,
    RunInfo,
    Tag,
)


class RunInfoMessage(Struct, gc=False):
    """MLflow's RunInfo."""

    run_uuid: str
    run_id: str
    experiment_id: str
    user_id: str
    status: str
    start_time: int
    lifecycle_stage: str
    run_name: str | UnsetType = UNSET
    end_time: int | UnsetType = UNSET
    artifact_uri: str | UnsetType = UNSET


class _NanMetric(Struct, gc=False):
    key: str
    value: str
    timestamp: int
    step: int


class _RunData(Struct, omit_defaults=True):
    metrics: Sequence[LatestMetric | _NanMetric] = []
    params: list[Param] = []
    tags: list[Tag] = []


class _RunInputs(Struct, omit_defaults=True):
    dataset_inputs: list[DatasetInput] = []
    model_inputs: list[ModelInput] = []


class _RunOutputs(Struct, omit_defaults=True):
    model_outputs: list[ModelOutput] = []


class RunMessage(Struct):
    """MLflow's Run."""

    info: RunInfoMessage
    data: _RunData
    inputs: _RunInputs
    outputs: _RunOutputs | UnsetType = UNSET


class _GetRunResponse(Struct):
    run: RunMessage


_encoder = msgspec.json.Encoder()


def run_info_message(info: RunInfo) -> RunInfoMessage:
    """Return a run's info as MLflow sends it; zero or empty optional values are left out."""
    return RunInfoMessage(
        info.run_id,
        info.run_id,
        str(info.experiment_id),
        info.user_id,
        info.status,
        info.start_time,
        info.lifecycle_stage,
        UNSET if info.name is None else info.name,
        info.end_time or UNSET,
        info.artifact_uri or UNSET,
    )


def run_message(run: Run, *, outputs: bool = True) -> RunMessage:
    """Return a run as MLflow sends it; the answer of create-run has no ``outputs``."""
    return RunMessage(
        run_info_message(run.info),
        _RunData(_metrics(run.metrics), run.params, run.tags),
        _RunInputs(run.dataset_inputs, run.model_inputs),
        _RunOutputs(run.model_outputs) if outputs else UNSET,
    )


def encode_get_run(run: Run, *, outputs: bool = True) -> bytes:
    """Return ``{"run": …}``, the answer of get-run and, without outputs, of create-run."""
    return _encoder.encode(_GetRunResponse(run_message(run, outputs=outputs)))


def _metrics(metrics: list[LatestMetric]) -> Sequence[LatestMetric | _NanMetric]:
    for metric in metrics:
        if metric.value is None:
            break
    else:
        return metrics
    return [
        _NanMetric(metric.key, "NaN", metric.timestamp, metric.step)
        if metric.value is None
        else metric
        for metric in metrics
    ]
