import json

import pytest

from headwater.entities.experiment import Experiment
from headwater.entities.run import Tag
from headwater.errors import NotServedError
from headwater.wire.create_experiment import decode_create_experiment, encode_create_experiment
from headwater.wire.experiment import encode_get_experiment
from headwater.wire.get_experiment import decode_get_experiment, decode_get_experiment_by_name

_EXPERIMENT = Experiment(7, "name", "s3://b/7", "active", 1, 2, [Tag("k", "v"), Tag("null")])


@pytest.mark.parametrize("names_workspace", [True, False])
def test_only_newer_releases_name_the_workspace(names_workspace: bool) -> None:
    answer = json.loads(encode_get_experiment(_EXPERIMENT, names_workspace=names_workspace))
    assert answer == {
        "experiment": {
            "experiment_id": "7",
            "name": "name",
            "artifact_location": "s3://b/7",
            "lifecycle_stage": "active",
            "creation_time": 1,
            "last_update_time": 2,
            "tags": [{"key": "k", "value": "v"}, {"key": "null"}],
            **({"workspace": "default"} if names_workspace else {}),
        }
    }


def test_what_is_empty_is_left_out() -> None:
    empty = Experiment(7, "name", "s3://b/7", "active", None, 0, [])
    answer = json.loads(encode_get_experiment(empty, names_workspace=False))
    assert set(answer["experiment"]) == {
        "experiment_id",
        "name",
        "artifact_location",
        "lifecycle_stage",
    }


def test_an_empty_artifact_location_is_none() -> None:
    assert decode_create_experiment(b'{"name": "a", "artifact_location": ""}') == ("a", [])
    with pytest.raises(NotServedError):
        decode_create_experiment(b'{"name": "a", "artifact_location": "/a"}')
    assert json.loads(encode_create_experiment(12)) == {"experiment_id": "12"}


def test_queries_name_one_thing() -> None:
    assert decode_get_experiment(b"experiment_id=7") == "7"
    assert decode_get_experiment_by_name(b"experiment_name=a+b%26%E2%98%83") == "a b&☃"
    for query in (
        b"",
        b"experiment_id=",
        b"experiment_id=7&x=1",
        b"experiment_id=7&experiment_id=7",
    ):
        with pytest.raises(NotServedError):
            decode_get_experiment(query)
