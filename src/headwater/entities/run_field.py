"""A column of a table of runs: ``metrics.loss``, ``params.lr``, ``tags.team``, ``status``."""

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, NoReturn

from headwater.entities.expression import Source
from headwater.errors import InvalidParameterError

ColumnKind = Literal["text", "number", "integer", "time"]
"""Times are milliseconds since 1970."""

ATTRIBUTES: dict[str, ColumnKind] = {
    "run_id": "text",
    "run_name": "text",
    "experiment_id": "text",
    "status": "text",
    "start_time": "time",
    "end_time": "time",
    "duration": "integer",
    "user_id": "text",
    "lifecycle_stage": "text",
    "artifact_uri": "text",
}
"""What a run has beside metrics, params and tags; `duration` is from start to end, in ms."""

ENTITIES: dict[str, Source] = {
    "metrics": "metric",
    "params": "param",
    "tags": "tag",
    "attributes": "attribute",
}
"""What fields are of, as messages and texts name it."""


@dataclass(frozen=True, slots=True)
class RunField:
    """Something that each run has at most one of: a column of a table of runs."""

    source: Source
    key: str

    @property
    def name(self) -> str:
        """What its column is called, as in MLflow's data frames."""
        return self.key if self.source == "attribute" else f"{self.entity}.{self.key}"

    @property
    def entity(self) -> str:
        """One of `ENTITIES`."""
        return f"{self.source}s"

    @property
    def kind(self) -> ColumnKind:
        """What its values are."""
        if self.source == "attribute":
            return ATTRIBUTES[self.key]
        return "number" if self.source == "metric" else "text"


def parse_column(text: str) -> RunField:
    """Return the column that a text names; attributes go with or without ``attributes.``.

    Raises:
        InvalidParameterError: it names none; suggests what may be meant.
    """
    if text in ATTRIBUTES:
        return RunField("attribute", text)
    entity, dot, key = text.partition(".")
    if not dot or not key:
        _refuse(text, text, "write metrics.KEY, params.KEY, tags.KEY or one of", ATTRIBUTES)
    if entity not in ENTITIES:
        _refuse(text, entity, "it must begin with one of", ENTITIES)
    if entity == "attributes" and key not in ATTRIBUTES:
        _refuse(text, key, "the attributes are", ATTRIBUTES)
    return RunField(ENTITIES[entity], key)


def _refuse(text: str, part: str, why: str, allowed: Collection[str]) -> NoReturn:
    near = get_close_matches(part, allowed, 1)
    meant = f"; did you mean {near[0]}?" if near else ""
    raise InvalidParameterError(
        f"Invalid value for parameter 'columns': {text[:100]!r}: {why} {', '.join(allowed)}{meant}"
    )
