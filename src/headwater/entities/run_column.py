"""A column of a table of runs: ``metrics.loss``, ``params.lr``, ``tags.team``, ``status``."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from headwater.errors import InvalidParameterError

ATTRIBUTES = (
    "run_id",
    "run_name",
    "experiment_id",
    "status",
    "start_time",
    "end_time",
    "duration",
    "user_id",
    "lifecycle_stage",
    "artifact_uri",
)
"""What a run has beside metrics, params and tags; `duration` is from start to end, in ms."""

ENTITIES = ("metrics", "params", "tags", "attributes")


@dataclass(frozen=True, slots=True)
class RunColumn:
    """What of a run stands in a column."""

    entity: str
    """One of `ENTITIES`."""

    key: str

    @property
    def title(self) -> str:
        """The column's name, as short as it is clear."""
        return self.key if self.entity == "attributes" else f"{self.entity}.{self.key}"


def parse_column(text: str) -> RunColumn:
    """Return the column that a text names; attributes go with or without ``attributes.``.

    Raises:
        InvalidParameterError: it names none; suggests what may be meant.
    """
    if text in ATTRIBUTES:
        return RunColumn("attributes", text)
    entity, dot, key = text.partition(".")
    if not dot or not key:
        _refuse(text, text, "write metrics.KEY, params.KEY, tags.KEY or one of", ATTRIBUTES)
    if entity not in ENTITIES:
        _refuse(text, entity, "it must begin with one of", ENTITIES)
    if entity == "attributes" and key not in ATTRIBUTES:
        _refuse(text, key, "the attributes are", ATTRIBUTES)
    return RunColumn(entity, key)


def _refuse(text: str, part: str, why: str, allowed: Sequence[str]) -> NoReturn:
    near = get_close_matches(part, allowed, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise InvalidParameterError(
        f"Invalid value for parameter 'columns': {text[:100]!r}: {why} {', '.join(allowed)}{meant}"
    )
