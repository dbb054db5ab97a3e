"""The GetRun message."""

from headwater.errors import NotServedError
from headwater.wire.decode import decode_query, either_run_id


def decode_get_run(query: bytes) -> str:
    """Decode a GetRun query into a run id.

    Raises:
        NotServedError: it names anything else, or no run.
    """
    values = decode_query(query)
    run_id = either_run_id(values.pop("run_id", None), values.pop("run_uuid", None))
    if values:
        raise NotServedError(f"unknown names in the query: {sorted(values)}")
    return run_id
