"""The fields by which messages select runs, common to the analyses of many of them."""

import msgspec

from headwater.entities.run_selection import Where
from headwater.errors import InvalidParameterError

MOST_EXPERIMENTS = 10_000


class SelectionMessage(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of messages that select runs and reduce their metrics."""

    experiment_ids: list[str] = []
    experiment_names: list[str] = []
    project: str | None = None
    filter: str = ""
    reduction: str = "last"


def selection(message: SelectionMessage) -> Where:
    """Return which runs a message selects.

    Raises:
        InvalidParameterError: it names too many experiments.
    """
    if len(message.experiment_ids) + len(message.experiment_names) > MOST_EXPERIMENTS:
        raise InvalidParameterError(f"More than {MOST_EXPERIMENTS:,} experiments; use a project")
    return Where(message.experiment_ids, message.experiment_names, message.project, message.filter)
