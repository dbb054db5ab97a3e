"""Puts the values of two or more groups side by side: in pairs, or each group by itself."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headwater.entities.metric import Float64s
from headwater.entities.verdict import Unused
from headwater.verdicts.usable import Usable


@dataclass(frozen=True, eq=False)
class Values:
    """What two groups hold; pairs are at equal positions."""

    a: Float64s
    b: Float64s
    paired: bool
    warnings: tuple[str, ...] = ()


def unpaired(first: Sequence[Usable], other: Sequence[Usable]) -> Values:
    """Return all values of both."""
    return Values(_array(first), _array(other), paired=False)


def pair_up(first: Sequence[Usable], other: Sequence[Usable]) -> Values:
    """Return the values of runs that have a partner; several of one group and pair are averaged."""
    one, two = values_by_pair(first), values_by_pair(other)
    shared = sorted(one.keys() & two.keys())
    repeated = [pair for pair in shared if len(one[pair]) > 1 or len(two[pair]) > 1]
    told: tuple[str, ...] = ()
    if repeated:
        told = (
            f"{len(repeated)} pairs have several runs on a side, which are averaged "
            f"({', '.join(repeated[:5])}).",
        )
    return Values(_means(one, shared), _means(two, shared), paired=True, warnings=told)


def complete_rows(groups: Sequence[Sequence[Usable]]) -> Float64s:
    """Return a row of values, one a group, for each pair that all groups have."""
    by_pair = [values_by_pair(group) for group in groups]
    shared = sorted(set.intersection(*(set(each) for each in by_pair)))
    return np.stack([_means(each, shared) for each in by_pair], axis=1)


def partnerless(groups: Mapping[str, Sequence[Usable]], paired_by: str) -> list[Unused]:
    """Return the runs that no comparison of the first group with another one uses."""
    first, *others = groups
    pairs = {name: set(values_by_pair(runs)) for name, runs in groups.items()}
    among_others = set[str]().union(*(pairs[name] for name in others))
    found = []
    for name, runs in groups.items():
        partners = among_others if name == first else pairs[first]
        for run in runs:
            if run.pair is None:
                found.append(Unused(name, run.run_id, f"has no {paired_by}: left out"))
            elif run.pair not in partners:
                found.append(
                    Unused(name, run.run_id, f"no partner with {paired_by} {run.pair}: left out")
                )
    return found


def values_by_pair(runs: Sequence[Usable]) -> dict[str, list[float]]:
    """Return the values of the runs that have a pair."""
    found = defaultdict(list)
    for run in runs:
        if run.pair is not None:
            found[run.pair].append(run.value)
    return found


def _means(by_pair: Mapping[str, Sequence[float]], pairs: Sequence[str]) -> Float64s:
    return np.array([np.mean(by_pair[pair]) for pair in pairs], np.float64)


def _array(runs: Sequence[Usable]) -> Float64s:
    return np.array([run.value for run in runs], np.float64)
