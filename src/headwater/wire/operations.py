"""What a client does to runs beside logging points, as it stands in a spool and in a frame.

Operations are JSON objects, told apart by ``op``; a frame holds a list of them.
"""

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from headwater.errors import InvalidParameterError
from headwater.wire.capture import Captured
from headwater.wire.decode import Number

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Since the epoch."""

Rank = Annotated[int, msgspec.Meta(ge=0, le=9_999_999)]
"""Of a distributed training; 0 for a lone process."""

LARGEST_DIFF = 1024 * 1024
LARGEST_OUTPUT = 256 * 1024
"""Bytes; characters of the text."""

Status = Literal["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]


class _Operation(msgspec.Struct, tag_field="op", forbid_unknown_fields=True, frozen=True):
    run_id: str


class CreateRun(_Operation, tag="create_run", frozen=True, omit_defaults=True, kw_only=True):
    """A run to create with an id that the client chose; one that exists already stays as it is.

    It goes into the experiment of that id, or else of that name, which is created where there is
    none.
    """

    experiment_id: str = ""
    experiment_name: str = ""
    user_id: str = ""
    run_name: str = ""
    start_time: Milliseconds = 0
    tags: dict[str, str] = {}


class LogParams(_Operation, tag="log_params", frozen=True):
    """Params to log; one that has another value already is refused."""

    params: dict[str, str]


def json_number(value: float) -> Number:
    """Return a number as JSON can have it, in protobuf's spelling."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


class ModelPoint(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A point that was measured of a logged model, on a dataset or not."""

    key: str
    value: Number
    timestamp: Milliseconds
    step: Int64
    model_id: str
    dataset_name: str | None = None
    dataset_digest: str | None = None


class LogModelMetrics(_Operation, tag="log_model_metrics", frozen=True):
    """Points of logged models, which are points of the run as well."""

    metrics: list[ModelPoint]


ModelStatus = Literal["PENDING", "READY", "FAILED"]


class CreateLoggedModel(_Operation, tag="create_logged_model", frozen=True, kw_only=True):
    """A logged model of the run to create under an id of the client's, in the run's experiment.

    One that exists already stays as it is.
    """

    model_id: str
    name: str
    model_type: str | None = None
    status: ModelStatus = "READY"
    created: Milliseconds = 0
    updated: Milliseconds = 0
    params: dict[str, str] = {}
    tags: dict[str, str] = {}


class SetTags(_Operation, tag="set_tags", frozen=True):
    """Tags to set."""

    tags: dict[str, str]


class DeleteTag(_Operation, tag="delete_tag", frozen=True):
    """A tag to delete; one that is not there is no error."""

    key: str


class UpdateRun(_Operation, tag="update_run", frozen=True, omit_defaults=True, kw_only=True):
    """A run's new status, end time or name; what is absent stays."""

    status: Status | None = None
    end_time: Milliseconds | None = None
    run_name: str = ""


class CaptureRun(_Operation, tag="capture_run", frozen=True, omit_defaults=True, kw_only=True):
    """What a process of the run tells of itself; a later one of its rank replaces it."""

    captured: Captured
    diff: Annotated[bytes, msgspec.Meta(max_length=LARGEST_DIFF)] | None = None
    """Difference of its working tree to the commit, as git writes it."""

    rank: Rank = 0


class AppendOutput(_Operation, tag="append_output", frozen=True, omit_defaults=True, kw_only=True):
    """What a process of the run has printed since it told last."""

    text: Annotated[str, msgspec.Meta(max_length=LARGEST_OUTPUT)]
    rank: Rank = 0


Operation = (
    CreateRun
    | LogParams
    | CreateLoggedModel
    | LogModelMetrics
    | SetTags
    | DeleteTag
    | UpdateRun
    | CaptureRun
    | AppendOutput
)

_DECODER = msgspec.json.Decoder(Operation)
_LIST_DECODER = msgspec.json.Decoder(list[Operation])


def encode_operation(operation: Operation) -> bytes:
    """Return one operation as JSON."""
    return msgspec.json.encode(operation)


def decode_operation(content: bytes) -> Operation:
    """Return the operation that `encode_operation` encoded. Raises as `decode_operations`."""
    try:
        operation: Operation = _DECODER.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidParameterError(f"An operation cannot be read: {error}") from error
    return operation


def encode_operations(operations: Sequence[Operation]) -> bytes:
    """Return operations as a JSON list; nothing for none."""
    return msgspec.json.encode(operations) if operations else b""


def decode_operations(content: bytes) -> list[Operation]:
    """Return the operations of a JSON list, or of nothing.

    Raises:
        InvalidParameterError: it holds something else; says where.
    """
    try:
        return _LIST_DECODER.decode(content) if content else []
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidParameterError(f"The operations of a frame cannot be read: {error}") from error
