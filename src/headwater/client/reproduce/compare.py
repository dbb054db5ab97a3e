"""Whether a run that was done again has come to the same metrics."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Compared:
    """A metric's latest values in both runs."""

    key: str
    original: float
    again: float | None
    """None where the second run has not logged it."""

    difference: float | None
    """Relative to the original, where that is no zero."""

    is_same: bool
    """Within the tolerance."""


def compare(
    original: Mapping[str, float],
    again: Mapping[str, float],
    tolerance: float,
    keys: Sequence[str] = (),
) -> list[Compared]:
    """Compare the metrics of `keys`, or else all but those of the machine, in order.

    Two values are the same where they differ by at most `tolerance` times the larger one.
    """
    wanted = keys or sorted(key for key in original if not key.startswith("system/"))
    return [_compare(key, original.get(key, math.nan), again.get(key), tolerance) for key in wanted]


def _compare(key: str, original: float, again: float | None, tolerance: float) -> Compared:
    if again is None:
        return Compared(key, original, None, None, False)
    if math.isnan(original) or math.isnan(again):
        is_same = math.isnan(original) and math.isnan(again)
        return Compared(key, original, again, None, is_same)
    is_same = math.isclose(original, again, rel_tol=tolerance)
    difference = None
    if original and math.isfinite(original) and math.isfinite(again):
        difference = (again - original) / abs(original)
    return Compared(key, original, again, difference, is_same)
