"""Which artifacts retention rules let go while their runs stay: pure functions."""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from headwater.tracking.retention import Candidate, Kept, RetentionRule, choose, protection


@dataclass(frozen=True, slots=True)
class Place:
    """Where artifacts of a run are: its own, or those of a model that it logged."""

    uri: str
    prefix: str = ""
    """What stands before their paths where the run's artifacts are listed: the model's name."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A file in a place."""

    place: Place
    path: str
    """Below the place."""

    size: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """A run whose artifacts may go, and the rules that say so."""

    run: Candidate
    rules: Sequence[RetentionRule]


@dataclass(frozen=True, slots=True)
class RunArtifacts:
    """Artifacts of one run that go."""

    run: Candidate
    rule: str
    """The first that lets one of them go."""

    files: Sequence[Listed]
    allows_registered: bool
    """Whether they go although the run made a version of a registered model."""

    @property
    def size(self) -> int:
        """Their bytes, as users see them."""
        return sum(each.size for each in self.files)


@dataclass(frozen=True, slots=True)
class ArtifactPlan:
    """What the rules on artifacts come to."""

    removed: Sequence[RunArtifacts] = ()
    kept: Sequence[Kept] = ()
    failed: Mapping[str, str] | None = None
    """Why the artifacts of runs could not be listed, by run id."""


def choose_for_artifacts(
    rules: Sequence[RetentionRule],
    candidates: Sequence[Candidate],
    now: int,
    gone: AbstractSet[str] = frozenset(),
) -> tuple[list[Chosen], list[Kept]]:
    """Return the runs whose artifacts may go, and those that something keeps.

    Kept are those of the best runs, of runs with the tag `KEEP_TAG`, and of runs that made a
    version of a registered model; unless a rule says otherwise, which then lets go what it names.
    `gone` are runs that go with everything.
    """
    rules = [rule for rule in rules if rule.artifacts]
    found, kept = choose(rules, candidates, now)
    chosen = []
    for run, chosen_by in found.values():
        if run.run_id in gone:
            continue
        free = [rule for rule in chosen_by if rule.registered or run.registered is None]
        reason = protection(replace(run, registered=None) if free else run)
        if reason is None:
            chosen.append(Chosen(run, free))
        else:
            kept[run.run_id] = Kept(run, reason)
    return chosen, sorted(kept.values(), key=lambda each: each.run.run_id)


def matching(chosen: Chosen, files: Iterable[Listed]) -> RunArtifacts | None:
    """Return which of a run's files go; None: none of them."""
    going: list[Listed] = []
    by: RetentionRule | None = None
    for each in files:
        path = f"{each.place.prefix}/{each.path}" if each.place.prefix else each.path
        rule = next(
            (
                rule
                for rule in chosen.rules
                if any(fnmatch.fnmatchcase(path, pattern) for pattern in rule.artifacts)
            ),
            None,
        )
        if rule is not None:
            going.append(each)
            by = by or rule
    if by is None:
        return None
    return RunArtifacts(chosen.run, by.name, going, chosen.run.registered is not None)
