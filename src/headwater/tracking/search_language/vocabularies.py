"""What filters on runs, and on experiments, may name."""

from collections.abc import Mapping

from headwater.tracking.search_filter import ALIASES, ATTRIBUTES, SOURCES
from headwater.tracking.search_language.filters import Subject
from headwater.tracking.search_language.vocabulary import Kind, Vocabulary

_TIMES: dict[str, Kind] = {"start_time": "time", "end_time": "time", "duration": "duration"}

RUNS = Vocabulary(
    entities=SOURCES,
    attributes={**dict.fromkeys(sorted(ATTRIBUTES), "text"), **_TIMES},
    aliases=ALIASES,
    related=True,
)
EXPERIMENTS = Vocabulary(
    entities={"attribute": "attribute", "attributes": "attribute", "tag": "tag", "tags": "tag"},
    attributes={
        "name": "text",
        "experiment_id": "id",
        "creation_time": "time",
        "last_update_time": "time",
    },
    aliases={},
    related=False,
)
VOCABULARIES: Mapping[Subject, Vocabulary] = {"runs": RUNS, "experiments": EXPERIMENTS}
