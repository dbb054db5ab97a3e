"""The GetExperiment and GetExperimentByName messages."""

from headwater.errors import NotServedError
from headwater.wire.decode import decode_query


def decode_get_experiment(query: bytes) -> str:
    """Decode a GetExperiment query into an experiment id."""
    return _only(query, "experiment_id")


def decode_get_experiment_by_name(query: bytes) -> str:
    """Decode a GetExperimentByName query into a name."""
    return _only(query, "experiment_name")


def _only(query: bytes, name: str) -> str:
    values = decode_query(query)
    value: str = values.pop(name, "")
    if not value or values:
        raise NotServedError(f"{name} is missing or not alone")
    return value
