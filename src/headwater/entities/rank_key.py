"""Metrics of the ranks of a distributed training: one series for each rank, told by its key.

Rank 0's series has the metric's own key, so that a run looks as if it were trained by one process;
rank 3's is ``loss/rank/3``.
"""

import re

SEPARATOR = "/rank/"
_RANK = re.compile(r"[1-9][0-9]{0,6}")


def rank_key(key: str, rank: int) -> str:
    """Return the key of a rank's series of a metric."""
    return f"{key}{SEPARATOR}{rank}" if rank else key


def rank_of(key: str, metric: str) -> int | None:
    """Return the rank whose series of a metric the key names; None if it names none."""
    if key == metric:
        return 0
    prefix = f"{metric}{SEPARATOR}"
    if not key.startswith(prefix) or not _RANK.fullmatch(key[len(prefix) :]):
        return None
    return int(key[len(prefix) :])
