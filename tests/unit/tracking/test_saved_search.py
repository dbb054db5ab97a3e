import re
from collections.abc import Callable

import pytest

from headwater.errors import InvalidParameterError
from headwater.tracking.saved_search import (
    require_columns,
    require_filter,
    require_name,
    require_order_by,
    require_scope,
)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (lambda: require_name(" "), "'name'"),
        (lambda: require_name("x" * 251), "'name'"),
        (lambda: require_scope("a//b", None), "'project'"),
        (lambda: require_scope(None, "Default"), "'experiment_id'"),
        (lambda: require_filter("x" * 10_001), "'filter'"),
        (lambda: require_filter("metrics.loss <"), "'filter'"),
        (lambda: require_order_by([""]), "'order_by'"),
        (lambda: require_order_by(["params.a"] * 21), "21 are more than 20"),
        (lambda: require_columns(["loss"]), "write metrics.KEY"),
        (lambda: require_columns(["metric.loss"]), "did you mean metrics?"),
        (lambda: require_columns(["attributes.start_tme"]), "did you mean start_time?"),
    ],
)
def test_what_is_wrong_is_named(check: Callable[[], object], text: str) -> None:
    with pytest.raises(InvalidParameterError, match=re.escape(text)):
        check()


@pytest.mark.parametrize("text", ["", "metrics.loss < 1", "NOT (params.lr = '1' OR tags.a = 'b')"])
def test_what_is_a_filter_is_taken(text: str) -> None:
    assert require_filter(text) == text


def test_every_kind_of_column_is_taken() -> None:
    columns = ["metrics.val/loss", "params.lr", "tags.mlflow.runName", "attributes.status"]
    assert require_columns(columns) == columns
