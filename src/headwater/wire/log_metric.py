"""The LogMetric message."""

import msgspec

from headwater.entities.metric import LARGEST, Metric
from headwater.errors import NotServedError
from headwater.wire.decode import Number, decode, either_run_id


class _LogMetric(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: Number
    timestamp: int
    step: int = 0
    run_id: str | None = None
    run_uuid: str | None = None
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


_DECODER = msgspec.json.Decoder(_LogMetric)


def decode_log_metric(body: bytes) -> tuple[str, Metric]:
    """Decode a LogMetric request into a run id and a point.

    Raises:
        NotServedError: the body is not an ordinary LogMetric.
    """
    message = decode(_DECODER, body)
    if bool(message.dataset_name) != bool(message.dataset_digest):
        raise NotServedError("half a dataset")
    value = float(message.value)
    if value == value:  # not NaN
        value = min(max(value, -LARGEST), LARGEST) + 0.0
    return either_run_id(message.run_id, message.run_uuid), Metric(
        message.key,
        message.step,
        message.timestamp,
        value,
        message.model_id or None,
        message.dataset_name or None,
        message.dataset_digest or None,
    )
