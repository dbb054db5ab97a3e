import json

import pytest

from headwater.errors import NotServedError
from headwater.wire.decode import either_run_id
from headwater.wire.run_entry import decode_run, decode_run_entry, decode_run_key
from headwater.wire.update_run import UpdateRun, decode_update_run


def test_entries_decode_to_run_key_and_value() -> None:
    body = b'{"run_uuid": "r", "run_id": "r", "key": "k", "value": "v"}'
    assert decode_run_entry(body) == ("r", "k", "v")
    assert decode_run_entry(b'{"run_uuid": "r", "key": "k"}') == ("r", "k", "")
    assert decode_run_key(b'{"run_id": "r", "key": "k"}') == ("r", "k")
    assert decode_run(b'{"run_id": "r"}') == "r"


@pytest.mark.parametrize(
    ("run_id", "run_uuid"), [(None, None), ("", "r"), ("r", "s"), (None, ""), ("", "")]
)
def test_run_ids_must_be_there_and_agree(run_id: str | None, run_uuid: str | None) -> None:
    with pytest.raises(NotServedError):
        either_run_id(run_id, run_uuid)


@pytest.mark.parametrize("status", ["FINISHED", 3])
def test_a_status_goes_by_name_or_number(status: str | int) -> None:
    body = json.dumps({"run_id": "r", "status": status}).encode()
    assert decode_update_run(body) == UpdateRun("r", "FINISHED", None, None)


@pytest.mark.parametrize("status", ["", "finished", 0, 6, True, 3.5, "3"])
def test_another_status_is_not_served(status: object) -> None:
    with pytest.raises(NotServedError):
        decode_update_run(json.dumps({"run_id": "r", "status": status}).encode())
