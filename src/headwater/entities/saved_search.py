"""A search that somebody has named, to do it again."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SearchScope:
    """Which runs a search is about; neither a project nor an experiment: all."""

    project: str | None = None
    """With everything below it."""

    experiment_id: int | None = None


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """What is looked for, where, and how it is shown; times in milliseconds since the epoch."""

    search_id: str
    name: str
    """One of a kind in its scope."""

    scope: SearchScope
    filter: str
    order_by: Sequence[str]
    columns: Sequence[str]
    """Such as ``metrics.loss``; empty is all."""

    created_at: int
    updated_at: int
