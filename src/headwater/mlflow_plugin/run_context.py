"""Entry point of MLflow's run context: the tag of a run that does another one again.

MLflow loads it whenever it is imported, so this module must be cheap.
"""

import os

from headwater.entities.reproduction import TAG, VARIABLE


class ReproductionContext:
    """What ``headwater reproduce`` tells the runs that it has started; MLflow's interface."""

    def in_context(self) -> bool:
        """Say whether this process does a run again."""
        return bool(os.environ.get(VARIABLE))

    def tags(self) -> dict[str, str]:
        """Return the tag that says which."""
        return {TAG: os.environ[VARIABLE]}
