"""The examples of docs/reference/search.md are of the superset and work, its error comes up so."""

import re
from pathlib import Path

import pytest
from tests.unit.tracking.searched import EXPERIMENTS, Searched

from headwater.errors import InvalidParameterError
from headwater.tracking.run_filter import parse_run_filter

_PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "search.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(r"^```sql\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
_OF_RUNS, _OF_EXPERIMENTS = (block.splitlines() for block in _BLOCKS)


@pytest.mark.parametrize("text", _OF_RUNS)
def test_examples_of_runs_are_answered(searched: Searched, text: str) -> None:
    found = searched.search("search_runs", {"experiment_ids": EXPERIMENTS, "filter": text})
    assert found is not None
    # MLflow takes summaries for metrics that nobody has logged.
    assert searched.beyond or found == {}


@pytest.mark.parametrize("text", _OF_EXPERIMENTS)
def test_examples_of_experiments_are_answered(searched: Searched, text: str) -> None:
    assert searched.search("search_experiments", {"max_results": 9, "filter": text}) is not None
    assert searched.beyond


def test_the_error_is_as_shown() -> None:
    shown = re.search(r"^```text\n(.*?)\n```$", _PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    text = shown[1].split("\n")[1].strip()
    with pytest.raises(InvalidParameterError) as caught:
        parse_run_filter(text, now_ms=0)
    assert str(caught.value) == shown[1]
