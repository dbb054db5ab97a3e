"""Reads filters; loads the parser when the first text needs it, for most servers never do."""

import importlib
from dataclasses import dataclass
from typing import Any, Literal

from headwater.entities.expression import Expression

Subject = Literal["runs", "experiments"]
"""What is searched for."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a filter says."""

    expression: Expression
    is_plain: bool
    """Whether it is spelled as MLflow's filters are: comparisons that AND joins, nothing else."""


def parse(text: str, subject: Subject, now_ms: int) -> Parsed:
    """Return what a filter says; the empty one is true of everything.

    ``now()`` is `now_ms`, in milliseconds since 1970.

    Raises:
        InvalidParameterError: it says nothing in this language, or too much.
    """
    parser: Any = importlib.import_module("headwater.tracking.search_language.parser")
    parsed: Parsed = parser.parse(text, subject, now_ms)
    return parsed
