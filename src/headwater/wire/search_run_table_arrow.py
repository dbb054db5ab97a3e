"""The answer of headwater/runs/search as an Arrow IPC stream; imports Arrow, which is large."""

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from headwater.entities.run_table import RunTable
from headwater.wire.search_run_table import table_facts

_BATCH_ROWS = 65_536
_TYPES = {
    "text": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "time": pa.timestamp("ms", tz="UTC"),
}


def encode_run_table_arrow(table: RunTable, search: str) -> bytes:
    """Encode a table; what is missing is null, and a NaN stays one.

    The schema's metadata has ``total``, ``facts`` (JSON) and the page tokens where there are.
    `search` is `TableRequest`'s.
    """
    schema = pa.schema(
        [pa.field(column.name, _TYPES[column.kind]) for column in table.columns],
        dict(table_facts(table, search)),
    )
    arrays = [pa.array(column.values, _TYPES[column.kind]) for column in table.columns]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(pa.Table.from_arrays(arrays, schema=schema), _BATCH_ROWS)
    content: bytes = sink.getvalue().to_pybytes()
    return content
