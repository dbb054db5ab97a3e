"""Which runs retention rules let go, and which they keep and why: pure functions."""

import fnmatch
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from headwater.entities.project_path import is_within

ENDED = frozenset({"FINISHED", "FAILED", "KILLED"})
KEEP_TAG = "headwater.keep"
"""A run that has this tag is kept, whatever its value."""


@dataclass(frozen=True, slots=True)
class KeepBest:
    """Keep the best runs of each experiment by the latest value of a metric."""

    metric: str
    count: int
    minimize: bool = False


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Lets go of the runs that meet all of its conditions."""

    name: str
    experiments: Sequence[str] = ("*",)
    """Patterns of names, as a shell takes them, or ids."""

    older_than: int = 0
    """Milliseconds since the run ended, or since it was deleted where `deleted`."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """Patterns of values."""

    statuses: Collection[str] = ENDED
    deleted: bool = False
    """Only runs that were deleted, and wait to be restored or removed for good."""

    keep_best: KeepBest | None = None
    projects: Sequence[str] = ()
    """Paths: only experiments of these projects and of those below them. None: of all."""

    artifacts: Sequence[str] = ()
    """Patterns of artifacts that go while their runs stay. None: the runs go, with everything."""

    registered: bool = False
    """Lets go also of artifacts of runs that made a version of a registered model."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run as retention sees it; times in milliseconds since the epoch."""

    run_id: str
    name: str
    experiment_id: int
    experiment: str
    status: str
    deleted: bool
    ended: int
    """When it ended, else when it started."""

    deleted_time: int | None
    points: int
    """Of its metrics, as far as Headwater stores them."""

    tags: Mapping[str, str] = field(default_factory=dict)
    """Those that the rules or the tree of runs ask for."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """The latest values that the rules ask for; no NaN."""

    parent: str | None = None
    registered: str | None = None
    """A version of a registered model that was made by it, such as ``churn/3``."""

    project: str = ""
    """The path of its experiment's project."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A run that a rule would have let go."""

    run: Candidate
    reason: str


@dataclass(frozen=True, slots=True)
class RetentionPlan:
    """What the rules come to."""

    removed: Sequence[tuple[Candidate, str]]
    """Runs, each with the name of its first rule; children before their parents."""

    kept: Sequence[Kept]


def plan_retention(
    rules: Sequence[RetentionRule], candidates: Iterable[Candidate], now: int
) -> RetentionPlan:
    """Apply the rules; a run that one of them lets go is removed unless something keeps it.

    Kept are runs that made a registered model version, that have the tag `KEEP_TAG`, or that have
    a child that stays.
    """
    runs = list(candidates)
    found, kept = choose([rule for rule in rules if not rule.artifacts], runs, now)
    chosen = {run_id: (run, chosen_by[0].name) for run_id, (run, chosen_by) in found.items()}
    for run, _ in list(chosen.values()):
        if (reason := protection(run)) is not None:
            del chosen[run.run_id]
            kept[run.run_id] = Kept(run, reason)
    _keep_parents(runs, chosen, kept)
    depth = _depths({run.run_id: run.parent for run in runs})
    removed = sorted(chosen.values(), key=lambda pair: (-depth[pair[0].run_id], pair[0].run_id))
    return RetentionPlan(removed, sorted(kept.values(), key=lambda k: k.run.run_id))


def choose(
    rules: Sequence[RetentionRule], runs: Sequence[Candidate], now: int
) -> tuple[dict[str, tuple[Candidate, list[RetentionRule]]], dict[str, Kept]]:
    """Return the runs that rules let go, each with those rules, and those that one keeps as best.

    What keeps a run whatever the rules say is not looked at.
    """
    chosen: dict[str, tuple[Candidate, list[RetentionRule]]] = {}
    kept: dict[str, Kept] = {}
    for rule in rules:
        matching = [run for run in runs if _matches(rule, run)]
        best = _best(rule.keep_best, matching)
        for run in matching:
            if run.run_id in best:
                kept.setdefault(run.run_id, Kept(run, f"among the best of rule {rule.name!r}"))
            elif _age(rule, run, now) >= rule.older_than:
                chosen.setdefault(run.run_id, (run, []))[1].append(rule)
    for run_id in kept:
        chosen.pop(run_id, None)
    return chosen, kept


def protection(run: Candidate) -> str | None:
    """Return why a run must stay whatever the rules say, or None."""
    if run.registered is not None:
        return f"registered as {run.registered}"
    if KEEP_TAG in run.tags:
        return f"tagged {KEEP_TAG}"
    return None


def _matches(rule: RetentionRule, run: Candidate) -> bool:
    return (
        (run.deleted or not rule.deleted)
        and (run.status in rule.statuses or run.deleted)
        and any(
            pattern == str(run.experiment_id) or fnmatch.fnmatchcase(run.experiment, pattern)
            for pattern in rule.experiments
        )
        and (not rule.projects or any(is_within(run.project, each) for each in rule.projects))
        and all(
            key in run.tags and fnmatch.fnmatchcase(run.tags[key], pattern)
            for key, pattern in rule.tags.items()
        )
    )


def _age(rule: RetentionRule, run: Candidate, now: int) -> int:
    if rule.deleted and run.deleted_time is not None:
        return now - run.deleted_time
    return now - run.ended


def _best(keep: KeepBest | None, runs: Sequence[Candidate]) -> set[str]:
    """Return the ids of the best runs of each experiment; the newer of equals, no deleted ones."""
    if keep is None:
        return set()
    by_experiment: dict[int, list[Candidate]] = defaultdict(list)
    for run in runs:
        if keep.metric in run.metrics and not run.deleted:
            by_experiment[run.experiment_id].append(run)
    sign = 1 if keep.minimize else -1
    best: set[str] = set()
    for measured in by_experiment.values():
        measured.sort(key=lambda run: (sign * run.metrics[keep.metric], -run.ended, run.run_id))
        best.update(run.run_id for run in measured[: keep.count])
    return best


def _keep_parents(
    runs: Sequence[Candidate],
    chosen: dict[str, tuple[Candidate, str]],
    kept: dict[str, Kept],
) -> None:
    """Keep every run above one that stays: MLflow shows children below their parent."""
    parents = {run.run_id: run.parent for run in runs}
    for run in runs:
        above = parents[run.run_id]
        # A parent that is not chosen is or will be a start of its own; so circles end, too.
        while run.run_id not in chosen and above in chosen:
            kept[above] = Kept(chosen.pop(above)[0], "has a child that stays")
            above = parents[above]


def _depths(parents: Mapping[str, str | None]) -> dict[str, int]:
    depths = {}
    for run_id in parents:
        seen: set[str] = set()
        above = parents[run_id]
        while above is not None and above in parents and above not in seen:
            seen.add(above)
            above = parents[above]
        depths[run_id] = len(seen)
    return depths
