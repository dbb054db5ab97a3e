"""Runs without a usable value: NaN, infinite or failed. Nothing is left out without being told."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from headwater.analysis.inputs import one_of
from headwater.entities.metric import Float64s
from headwater.errors import AnalysisError

Flags = NDArray[np.bool_]

Policy = Literal["refuse", "omit", "worst", "value"]


@dataclass(frozen=True)
class Unusable:
    """One value that could not be used as it was."""

    group: str
    position: int
    """In the group as it was given."""

    value: float
    action: str
    """``left out``, ``left out with its pair`` or ``replaced``."""

    replacement: float | None = None


@dataclass(frozen=True, eq=False)
class Treated:
    """Groups without unusable values, and what was done to get there."""

    policy: Policy
    groups: dict[str, Float64s]
    kept: dict[str, tuple[int, ...]]
    """Positions of the values in the groups as they were given."""

    unusable: tuple[Unusable, ...]
    failure_p_value: float | None
    """Whether groups fail equally often: Fisher's exact test, two groups only."""

    warnings: tuple[str, ...]


def treat(
    groups: Mapping[str, ArrayLike],
    *,
    policy: Policy,
    paired: bool = False,
    higher_is_better: bool = True,
    value: float | None = None,
) -> Treated:
    """Apply a policy to values that are NaN or infinite.

    - ``refuse``: raise, naming them.
    - ``omit``: leave them out, with their whole pair where ``paired``. What is compared are then
      runs that succeed.
    - ``worst``: put the worst usable value of all groups in their place; made for tests by ranks,
      as it keeps "a failed run is no better than any other" and nothing more.
    - ``value``: put ``value`` in their place, such as the score of chance.

    Groups are sequences of numbers; None stands for NaN.
    """
    one_of("policy", policy, Policy)
    if not groups:
        raise AnalysisError("groups is empty; give one group or more.")
    arrays = {name: _numbers(name, values) for name, values in groups.items()}
    _check(arrays, policy, paired, value)
    bad = {name: ~np.isfinite(array) for name, array in arrays.items()}
    if policy == "refuse":
        _refuse(bad)
    if policy == "omit":
        dropped = _with_pairs(bad) if paired else bad
        kept = {name: np.flatnonzero(~dropped[name]) for name in arrays}
        treated = {name: arrays[name][kept[name]] for name in arrays}
        actions = _left_out(arrays, bad, dropped)
    else:
        instead = value if value is not None else _worst(arrays, bad, higher_is_better)
        kept = {name: np.arange(array.size) for name, array in arrays.items()}
        treated = {name: np.where(bad[name], instead, array) for name, array in arrays.items()}
        actions = _replaced(arrays, bad, instead)
    p_value = _failures_differ(bad)
    return Treated(
        policy,
        {name: array.astype(np.float64) for name, array in treated.items()},
        {name: tuple(map(int, positions)) for name, positions in kept.items()},
        actions,
        p_value,
        _told(policy, bad, p_value, actions),
    )


def _numbers(name: str, values: ArrayLike) -> Float64s:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise AnalysisError(f"{name} is no sequence of numbers ({error}); give floats.") from error
    if array.ndim != 1:
        raise AnalysisError(f"{name} has {array.ndim} dimensions; give one number per run.")
    return array


def _check(
    arrays: Mapping[str, Float64s], policy: Policy, paired: bool, value: float | None
) -> None:
    if paired and len({array.size for array in arrays.values()}) > 1:
        raise AnalysisError("groups differ in size; paired ones need a partner at each position.")
    if policy == "value" and (value is None or not math.isfinite(value)):
        raise AnalysisError(f"value is {value}; the policy 'value' needs a finite number.")
    if policy != "value" and value is not None:
        raise AnalysisError(f"value is given, but the policy is {policy!r}; choose 'value'.")


def _refuse(bad: Mapping[str, Flags]) -> None:
    for name, flags in bad.items():
        if flags.any():
            places = ", ".join(map(str, np.flatnonzero(flags)[:5]))
            raise AnalysisError(
                f"{name} has {int(flags.sum())} of {flags.size} values that are NaN or infinite "
                f"(at {places}); choose policy='omit', 'worst' or 'value', or repair the runs."
            )


def _worst(
    arrays: Mapping[str, Float64s], bad: Mapping[str, Flags], higher_is_better: bool
) -> float:
    if not any(flags.any() for flags in bad.values()):
        return 0.0  # Nothing is replaced.
    usable = np.concatenate([array[~bad[name]] for name, array in arrays.items()])
    if not usable.size:
        raise AnalysisError("groups hold no usable value, so that there is no worst one.")
    return float(usable.min() if higher_is_better else usable.max())


def _replaced(
    arrays: Mapping[str, Float64s], bad: Mapping[str, Flags], instead: float
) -> tuple[Unusable, ...]:
    return tuple(
        Unusable(name, int(i), float(array[i]), "replaced", instead)
        for name, array in arrays.items()
        for i in np.flatnonzero(bad[name])
    )


def _with_pairs(bad: Mapping[str, Flags]) -> dict[str, Flags]:
    either: Flags = np.any(np.stack(list(bad.values())), axis=0)
    return {name: either for name in bad}  # noqa: C420  # fromkeys loses the type


def _left_out(
    arrays: Mapping[str, Float64s],
    bad: Mapping[str, Flags],
    dropped: Mapping[str, Flags],
) -> tuple[Unusable, ...]:
    return tuple(
        Unusable(
            name,
            int(i),
            float(array[i]),
            "left out" if bad[name][i] else "left out with its pair",
        )
        for name, array in arrays.items()
        for i in np.flatnonzero(dropped[name])
    )


def _failures_differ(bad: Mapping[str, Flags]) -> float | None:
    if len(bad) != 2 or not all(flags.size for flags in bad.values()):
        return None
    table = [[int(flags.sum()), int((~flags).sum())] for flags in bad.values()]
    return float(stats.fisher_exact(table).pvalue)


def _told(
    policy: Policy,
    bad: Mapping[str, Flags],
    p_value: float | None,
    actions: tuple[Unusable, ...],
) -> tuple[str, ...]:
    if not actions:
        return ()
    done = {"omit": "left out", "worst": "replaced by the worst value", "value": "replaced"}[policy]
    counts = ", ".join(
        f"{int(flags.sum())} of {flags.size} in {name}" for name, flags in bad.items()
    )
    found: tuple[str, ...] = (f"Unusable values were {done}: {counts}.",)
    if p_value is not None and p_value <= 0.05:
        found += (f"The groups fail with different frequency (p = {p_value:.3g}).",)
    if policy == "omit":
        found += ("The comparison is of runs that succeed.",)
    if policy == "value":
        found += ("Replaced values enter means and spreads as if observed.",)
    if policy == "worst":
        found += ("Use ranks: a mean would take the replaced values at their word.",)
    return found
