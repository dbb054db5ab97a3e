"""Performance profiles of several groups: which share of the runs is better than a threshold."""

from collections.abc import Mapping, Sequence

import numpy as np

from headwater.analysis.aggregates import profile_of_tasks
from headwater.entities.metric import Float64s
from headwater.entities.verdict import Profile, Profiles, Question
from headwater.verdicts.pairing import values_by_pair
from headwater.verdicts.usable import Usable

_MOST_THRESHOLDS = 101
_LEAST_TASKS = 2
_LEAST_OF_TASK = 2
"""Runs of each group, without which nothing tells how the runs of a task vary."""

_RESAMPLES = 1000


def profiles(question: Question, groups: Mapping[str, Sequence[Usable]]) -> Profiles | None:
    """Return the profiles of the groups that have values, None where fewer than two have.

    The column that pairs is taken as that of tasks where all groups have several runs of each value
    that they share; otherwise the runs of a group are one task. No decision rests on it.
    """
    given = {name: runs for name, runs in groups.items() if runs}
    if len(given) < _LEAST_TASKS:
        return None
    sign = 1.0 if question.direction == "higher" else -1.0
    tasks = {name: _tasks(runs) for name, runs in given.items()}
    shared = _shared_tasks(question, given)
    if shared:
        by_pair = {name: values_by_pair(runs) for name, runs in given.items()}
        tasks = {name: [np.array(each[pair]) for pair in shared] for name, each in by_pair.items()}
    thresholds = _thresholds(np.concatenate([task for each in tasks.values() for task in each]))
    level = 1 - question.alpha
    found = []
    for name, of_group in tasks.items():
        profile = profile_of_tasks(
            [sign * task for task in of_group],
            sign * thresholds,
            seed=question.seed,
            level=level,
            resamples=_RESAMPLES,
        )
        curves = (tuple(each.tolist()) for each in (profile.share, profile.low, profile.high))
        found.append(Profile(name, sum(task.size for task in of_group), *curves))
    return Profiles(
        tuple(thresholds.tolist()), max(1, len(shared)), level, _RESAMPLES, tuple(found)
    )


def _tasks(runs: Sequence[Usable]) -> list[Float64s]:
    return [np.array([run.value for run in runs], np.float64)]


def _shared_tasks(question: Question, groups: Mapping[str, Sequence[Usable]]) -> list[str]:
    if question.paired_by is None:
        return []
    by_pair = [values_by_pair(runs) for runs in groups.values()]
    shared = sorted(set.intersection(*(set(each) for each in by_pair)))
    several = all(len(each[pair]) >= _LEAST_OF_TASK for each in by_pair for pair in shared)
    return shared if several and len(shared) >= _LEAST_TASKS else []


def _thresholds(values: Float64s) -> Float64s:
    """Return all values, or of many some that have equal numbers of them between each other."""
    distinct = np.unique(values)
    if distinct.size <= _MOST_THRESHOLDS:
        return distinct
    places = np.linspace(0, distinct.size - 1, _MOST_THRESHOLDS).round().astype(np.int64)
    return np.asarray(distinct[places], np.float64)
