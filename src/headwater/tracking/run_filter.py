"""The filters and orderings of searches for runs, MLflow's and beyond."""

from headwater.entities.expression import Expression
from headwater.tracking.search_language.parse import parse
from headwater.tracking.search_language.vocabularies import RUNS


def parse_run_filter(text: str, *, now_ms: int) -> Expression:
    """Return what a filter on runs says; the empty text is true of every run.

    Every filter that MLflow accepts, and that this language can say, means what it means there.
    ``now()`` is `now_ms`, in milliseconds since 1970.

    Raises:
        InvalidParameterError: the text is not a filter; the message points at the place.
    """
    return parse(text, RUNS, now_ms).expression
