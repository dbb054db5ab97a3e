from pathlib import Path

import pytest

from headwater.entities.artifact_store_uri import (
    Bucket,
    check_store,
    is_store,
    store_bucket,
    store_directory,
)
from headwater.errors import ConfigurationError


def test_names_a_directory() -> None:
    assert store_directory("headwater-cas+file:///srv/a%20b") == Path("/srv/a b")


@pytest.mark.parametrize(
    ("uri", "bucket"),
    [
        ("headwater-cas+s3://models", Bucket("models")),
        ("headwater-cas+s3://models/", Bucket("models")),
        ("headwater-cas+s3://my.models-1/a/b c/", Bucket("my.models-1", "a/b c")),
        ("headwater-cas+s3://models/100%25", Bucket("models", "100%25")),
    ],
)
def test_names_a_part_of_a_bucket(uri: str, bucket: Bucket) -> None:
    assert store_bucket(uri) == bucket
    assert check_store(uri) == uri


@pytest.mark.parametrize(
    "uri",
    [
        *("headwater-cas+s3:", "headwater-cas+s3://", "headwater-cas+s3:///x"),
        "headwater-cas+s3://key:secret@models/x",
        *("headwater-cas+s3://models/a//b", "headwater-cas+s3://models/../x"),
        *("headwater-cas+s3://models/x?y", "headwater-cas+s3://models/x#y"),
        "headwater-cas+s3://models/x\ny",
        *("headwater-cas+file:relative", "headwater-cas+file://host/x"),
    ],
)
def test_refuses_what_names_no_place(uri: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        check_store(uri)
    assert "secret" not in str(raised.value)


def test_others_are_none() -> None:
    assert [uri for uri in ("s3://x", "./mlruns", "headwater-cas+gs://x") if is_store(uri)] == []
