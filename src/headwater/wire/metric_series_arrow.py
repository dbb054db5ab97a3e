"""The answer of headwater/metrics/series as an Arrow IPC stream; imports Arrow, which is large."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]  # it has no types
from numpy.typing import NDArray

from headwater.wire.metric_series import Axis, DrawnSeries

_NAME = pa.dictionary(pa.int32(), pa.string())
_FIELDS = (
    pa.field("run_id", _NAME, nullable=False),
    pa.field("key", _NAME, nullable=False),
    pa.field("step", pa.int64(), nullable=False),
    pa.field("timestamp", pa.timestamp("ms", tz="UTC"), nullable=False),
    pa.field("value", pa.float64(), nullable=False),
)


def encode_series_arrow(axis: Axis, found: Sequence[DrawnSeries]) -> bytes:
    """Encode series one after the other, a row a point; a NaN stays one.

    The schema's metadata has ``axis``, and ``series``: a JSON list of run_id, key, total and the
    rows that are of it.
    """
    points = [series.points for series in found]
    lengths = [len(each) for each in points]
    table = pa.Table.from_arrays(
        [
            _names([series.run_id for series in found], lengths),
            _names([series.key for series in found], lengths),
            pa.array(_joined([each.steps for each in points], np.int64), pa.int64()),
            pa.array(_joined([each.timestamps for each in points], np.int64), pa.int64()).cast(
                _FIELDS[3].type
            ),
            pa.array(_joined([each.values for each in points], np.float64), pa.float64()),
        ],
        schema=pa.schema(_FIELDS, {b"axis": axis.encode(), b"series": _described(found)}),
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _names(names: Sequence[str], lengths: Sequence[int]) -> pa.DictionaryArray:
    distinct = list(dict.fromkeys(names))
    position = {name: at for at, name in enumerate(distinct)}
    indices = np.repeat(np.array([position[name] for name in names], np.int32), lengths)
    values = pa.array(distinct, pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), values)


def _joined(columns: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate(columns) if columns else np.array([], dtype)


def _described(found: Sequence[DrawnSeries]) -> bytes:
    return msgspec.json.encode(
        [
            {
                "run_id": series.run_id,
                "key": series.key,
                "total": series.total,
                "points": len(series.points),
            }
            for series in found
        ]
    )
