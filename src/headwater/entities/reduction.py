"""How a metric of a run becomes one number: ``last``, ``mean:10``, ``at:5000``, ``area``, ..."""

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

from headwater.errors import InvalidParameterError

Kind = Literal["last", "first", "min", "max", "mean", "at", "area"]

_NUMBERED = {"mean", "at"}
_TEXT = re.compile(r"([a-z]+)(?::(-?\d{1,18}))?")


@dataclass(frozen=True, slots=True)
class Reduction:
    """What is taken of a series."""

    kind: Kind
    number: int | None = None
    """How many of the last points a ``mean`` is of, None for all; the step that ``at`` names."""


def parse_reduction(text: str) -> Reduction:
    """Return what a text asks for.

    - ``last``: the latest value, as MLflow shows it; ``first``, ``min``, ``max``;
    - ``mean``: of all points, ``mean:10``: of the last ten, each point counting once;
    - ``at:5000``: at that step, or at the last one before it;
    - ``area``: the mean height under the curve, by trapezoids over steps.

    Raises:
        InvalidParameterError: it is none of these.
    """
    found = _TEXT.fullmatch(text)
    kind, number = (found[1], found[2]) if found else ("", None)
    allowed = get_args(Kind)
    wrong = kind not in allowed or (number is not None and kind not in _NUMBERED)
    if wrong or (kind == "at" and number is None) or (kind == "mean" and number in ("0", "-0")):
        raise InvalidParameterError(
            f"Invalid value for parameter 'reduction': {text[:50]!r} is none of last, first, min, "
            "max, mean, mean:COUNT, at:STEP, area"
        )
    if kind == "mean" and number is not None and int(number) < 0:
        raise InvalidParameterError(
            f"Invalid value for parameter 'reduction': {text!r} has a negative count of points"
        )
    return Reduction(cast(Kind, kind), None if number is None else int(number))
