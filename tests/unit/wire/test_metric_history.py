"""Queries for histories, and the JSON that carries them."""

import json
import math

import numpy as np
import pytest

from headwater.entities.metric import Series
from headwater.errors import NotServedError
from headwater.wire.metric_history import (
    BulkHistoryRequest,
    HistoryRequest,
    IntervalHistoryRequest,
    decode_bulk_history_request,
    decode_history_request,
    decode_interval_history_request,
    encode_bulk_history,
    encode_history,
    encode_interval_history,
)
from headwater.wire.page_token import decode_offset, encode_offset

SERIES = Series(np.array([0, 7]), np.array([1, 2]), np.array([0.1, math.nan]))


def test_a_history_spells_nan_as_protobuf_does() -> None:
    assert json.loads(encode_history("val/acc", SERIES, "token")) == {
        "metrics": [
            {"key": "val/acc", "value": 0.1, "timestamp": 1, "step": 0},
            {"key": "val/acc", "value": "NaN", "timestamp": 2, "step": 7},
        ],
        "next_page_token": "token",
    }


def test_an_empty_history_is_an_empty_object() -> None:
    nothing = SERIES.take(slice(0, 0))
    assert encode_history("loss", nothing, "") == b"{}"
    assert encode_interval_history("loss", []) == b"{}"
    assert encode_bulk_history("loss", []) == b'{"metrics":[]}'


def test_a_bulk_history_spells_nan_as_a_literal() -> None:
    assert b'"value":NaN,' in encode_bulk_history("loss", [("run", SERIES)])
    assert b'"value":"NaN",' in encode_interval_history("loss", [("run", SERIES)])


def test_history_queries() -> None:
    token = encode_offset(40)
    query = f"run_id=r&run_uuid=r&metric_key=val%2Facc&max_results=20&page_token={token}"
    assert decode_history_request(query.encode()) == HistoryRequest("r", "val/acc", 40, 20)
    assert decode_history_request(b"run_id=r&metric_key=k") == HistoryRequest("r", "k", 0, None)


def test_bulk_queries() -> None:
    assert decode_bulk_history_request(b"run_id=a&run_id=b&metric_key=k") == BulkHistoryRequest(
        ["a", "b"], "k", 25_000
    )


def test_interval_queries() -> None:
    query = b"run_ids=a&run_ids=b&metric_key=k&max_results=320&start_step=-1&end_step=9"
    expected = IntervalHistoryRequest(["a", "b"], "k", 320, (-1, 9))
    assert decode_interval_history_request(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        b"metric_key=k",
        b"run_id=r",
        b"run_id=a&run_id=b&metric_key=k",
        b"run_id=a&run_uuid=b&metric_key=k",
        b"run_id=r&metric_key=k&max_results=0",
        b"run_id=r&metric_key=k&max_results=-1",
        b"run_id=r&metric_key=k&max_results=1.5",
        b"run_id=r&metric_key=k&max_results=4294967296",
        b"run_id=r&metric_key=k&page_token=%21",
        b"run_id=r&metric_key=k&page_token=e30%3D",
        b"run_id=r&metric_key=k&other=1",
        b"run_id=r&metric_key=%ff",
    ],
)
def test_unusual_queries_are_handed_over(query: bytes) -> None:
    with pytest.raises(NotServedError):
        decode_history_request(query)


@pytest.mark.parametrize(
    "query",
    [
        b"run_ids=a&metric_key=k&max_results=0",
        b"run_ids=a&metric_key=k&max_results=2501",
        b"run_ids=a&metric_key=k&start_step=1",
        b"run_ids=a&metric_key=k&start_step=2&end_step=1",
        b"metric_key=k",
        b"run_ids=a",
        b"&".join([b"run_ids=a"] * 101) + b"&metric_key=k",
    ],
)
def test_unusual_interval_queries_are_handed_over(query: bytes) -> None:
    with pytest.raises(NotServedError):
        decode_interval_history_request(query)


@pytest.mark.parametrize("offset", [1, 320, 10**9])
def test_page_tokens_round_trip(offset: int) -> None:
    assert decode_offset(encode_offset(offset)) == offset
