"""Params of runs as columns of ranks: numbers in order, texts and absence as categories."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from headwater.analysis.inputs import sample
from headwater.entities.importance import Association, LeftOut, ParamKind
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

ParamValue = str | float | bool | None

_ABSENT = "\0absent"
_WIDE = 100.0
"""The largest number divided by the smallest from which a scale may be logarithmic."""

_ASSOCIATED = 0.7
_BINS = 4
"""Of numbers, where they meet categories."""

Ranks = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ParamColumn:
    """A param that varies."""

    name: str
    ranks: Ranks
    """Of each run, from 0 without gaps; equal values have the same. Categories, in the order of
    their texts, come before numbers."""

    categories: int
    """Ranks below this are of texts, or of absence."""

    kind: ParamKind
    scale: Literal["log", "linear"] | None
    absent: int

    @property
    def distinct(self) -> int:
        """How many values it has."""
        return int(self.ranks.max()) + 1


def param_columns(
    params: Mapping[str, Sequence[ParamValue]], runs: int
) -> tuple[list[ParamColumn], list[LeftOut]]:
    """Return the params that can matter, by name, and those that cannot, with the reason.

    Texts that are finite numbers are numbers. None is an absent param. A text that is different in
    most of the runs, such as a path, is left out: no two runs tell what it does.
    """
    columns, left_out = [], []
    for name in sorted(params):
        values = params[name]
        if len(values) != runs:
            raise AnalysisError(
                f"{name} has {len(values)} values for {runs} runs; give one of each, None where a "
                "run has none."
            )
        column = _column(name, values)
        if column.distinct == 1:
            left_out.append(LeftOut(name, "it is the same in all runs"))
        elif column.categories > max(2, runs // 2):
            reason = f"it has {column.categories} different texts in {runs} runs"
            left_out.append(LeftOut(name, reason))
        else:
            columns.append(column)
    return columns, left_out


def associations(columns: Sequence[ParamColumn]) -> list[Association]:
    """Return the pairs of params that change together, the strongest first.

    Numbers are compared by Spearman's correlation, categories by Cramér's V with Bergsma's
    correction of its bias, numbers being cut into quarters where they meet categories.
    Source: Bergsma, J. Korean Stat. Soc. 42 (2013), 323-328.
    """
    found = []
    spread = {each.name: _standardised(each) for each in columns if not each.categories}
    binned = {each.name: _binned(each) for each in columns}
    for a, b in combinations(columns, 2):
        if a.categories or b.categories:
            strength, method = _cramers_v(binned[a.name], binned[b.name]), "Cramér's V"
        else:
            strength = float(abs(spread[a.name] @ spread[b.name]) / a.ranks.size)
            method = "Spearman's correlation"
        if strength >= _ASSOCIATED:
            found.append(Association(a.name, b.name, min(1.0, strength), method))
    return sorted(found, key=lambda each: (-each.strength, each.a, each.b))


def usable(values: Sequence[float]) -> NDArray[np.bool_]:
    """Say which values of a metric are finite."""
    array = np.asarray(values, np.float64)
    if array.ndim != 1:
        raise AnalysisError("values must be one sequence of numbers, one per run.")
    return np.isfinite(array)


def target(values: Float64s, least: int) -> Float64s:
    """Return a metric that varies, of mean 0 and variance 1, in which squares do not overflow."""
    array = sample("values", values, least)
    scale = float(np.abs(array).max())
    centred = array / scale if scale else array
    centred = centred - centred.mean()
    deviation = float(centred.std())
    if deviation <= 1e-12:
        raise AnalysisError("values are all the same; no param can explain how they vary.")
    return np.asarray(centred / deviation)


def _column(name: str, values: Sequence[ParamValue]) -> ParamColumn:
    read = [_read(value) for value in values]
    texts = sorted({value for value in read if isinstance(value, str)})
    numbers = sorted({value for value in read if not isinstance(value, str)})
    places: dict[Any, int] = {value: place for place, value in enumerate([*texts, *numbers])}
    kind: ParamKind = "category"
    if numbers:
        real_texts = [text for text in texts if text != _ABSENT]
        kind = "number and category" if real_texts else "number"
    return ParamColumn(
        name,
        np.array([places[value] for value in read], np.int64),
        len(texts),
        kind,
        _scale(np.array([v for v in read if not isinstance(v, str)])) if numbers else None,
        read.count(_ABSENT),
    )


def _read(value: ParamValue) -> str | float:
    if value is None:
        return _ABSENT
    if isinstance(value, bool):
        return str(value)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return str(value)
    # Underscores are legal in Python's numbers, not in what users mean by one.
    if not math.isfinite(number) or (isinstance(value, str) and "_" in value):
        return str(value)
    return number + 0.0  # -0.0 is 0


def _scale(numbers: Float64s) -> Literal["log", "linear"]:
    """Say whether numbers span orders of magnitude and lie more evenly by their logarithms."""
    distinct = np.unique(numbers)
    if distinct.size < 3 or distinct[0] <= 0 or distinct[-1] / distinct[0] < _WIDE:
        return "linear"
    logs = np.log(distinct)
    return "log" if _unevenness(logs) < _unevenness(distinct) else "linear"


def _unevenness(values: Float64s) -> float:
    """Return the distance of the mean from the middle of the range, 0 to 1/2."""
    place = (values - values[0]) / (values[-1] - values[0])
    return abs(float(place.mean()) - 0.5)


def _standardised(column: ParamColumn) -> Float64s:
    ranks = stats.rankdata(column.ranks)
    return np.asarray((ranks - ranks.mean()) / ranks.std())


def _binned(column: ParamColumn) -> Ranks:
    numbers = column.ranks >= column.categories
    if not numbers.any():
        return column.ranks
    codes = column.ranks.copy()
    edges = np.quantile(column.ranks[numbers], np.arange(1, _BINS) / _BINS)
    codes[numbers] = column.categories + np.searchsorted(edges, column.ranks[numbers])
    return np.unique(codes, return_inverse=True)[1].reshape(-1)


def _cramers_v(a: Ranks, b: Ranks) -> float:
    n, rows, columns = a.size, int(a.max()) + 1, int(b.max()) + 1
    if rows < 2 or columns < 2 or rows * columns > 4 * n + 100:
        return 0.0
    counts = np.bincount(a * columns + b, minlength=rows * columns).reshape(rows, columns)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / n
    phi = float(((counts - expected) ** 2 / expected).sum()) / n
    phi = max(0.0, phi - (rows - 1) * (columns - 1) / (n - 1))
    r, c = rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)
    least = min(r, c) - 1
    return math.sqrt(phi / least) if least > 0 else 0.0
