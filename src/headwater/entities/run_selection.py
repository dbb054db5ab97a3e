"""Among which runs something is asked."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Where:
    """Among which runs; all active experiments where nothing is named."""

    experiment_ids: Sequence[str]
    experiment_names: Sequence[str]
    project: str | None
    filter: str
