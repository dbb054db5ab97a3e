"""What the orderings of searches for runs mean: MLflow's, by summaries of series, by duration."""

import re
from collections.abc import Sequence
from typing import cast

from headwater.entities.expression import Statistic
from headwater.entities.search import Ordering
from headwater.errors import NotServedError
from headwater.tracking.search_filter import run_ordering

_MOST = 10
_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_SUPERSET = re.compile(
    rf"""
    (?: metrics?\.
        (?: `(?P<ticked>[^`\n\r]+)` | "(?P<quoted>[^"\n\r]+)" | (?P<key>{_WORD}(?:\.{_WORD})*) )
        \. (?P<statistic> min | max | first | last | mean | count )
    |   (?: (?: attributes? | attr | run ) \. )? duration
    )
    (?: \s+ (?P<direction> (?i: ASC | DESC ) ) )? \Z
    """,
    re.VERBOSE | re.ASCII,
)


def run_orderings(texts: Sequence[str]) -> tuple[Ordering, ...]:
    """Return the orderings of a search for runs.

    Raises:
        NotServedError: MLflow refuses them, as it does duplicates, or only it can tell their sense.
    """
    if len(texts) > _MOST:
        raise NotServedError("unusually many orderings")
    orderings = tuple(_ordering(text) for text in texts)
    if len({(o.source, o.key, o.statistic) for o in orderings}) < len(orderings):
        raise NotServedError("duplicate orderings")
    return orderings


def _ordering(text: str) -> Ordering:
    match = _SUPERSET.match(text)
    if match is None:
        return run_ordering(text)
    ascending = (match["direction"] or "ASC").upper() == "ASC"
    if match["statistic"] is None:
        return Ordering("attribute", "duration", ascending)
    statistic = cast(Statistic, match["statistic"])
    bare = match["key"]
    key = bare or match["ticked"] or match["quoted"]
    return Ordering(
        "metric", key, ascending, statistic, None if bare is None else f"{bare}.{statistic}"
    )
