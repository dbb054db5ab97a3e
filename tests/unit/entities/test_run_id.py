"""Run ids: MLflow's form, and neighbours in an index when they are made at about the same time."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.run_id import new_run_id

STRETCH = 4_096_000  # milliseconds
milliseconds = st.integers(0, 2**45)


@given(milliseconds)
def test_an_id_is_a_uuid_4_in_hexadecimal(moment: int) -> None:
    run_id = new_run_id(moment)

    assert re.fullmatch("[0-9a-f]{32}", run_id)
    assert uuid.UUID(run_id).version == 4
    assert uuid.UUID(run_id).variant == uuid.RFC_4122


@given(milliseconds, st.integers(0, STRETCH - 1))
def test_ids_of_one_stretch_begin_alike_and_those_of_the_next_do_not(
    moment: int, later: int
) -> None:
    begin = moment // STRETCH * STRETCH

    assert new_run_id(begin)[:2] == new_run_id(begin + later)[:2]
    assert new_run_id(begin)[:2] != new_run_id(begin + STRETCH)[:2]


def test_what_people_abbreviate_ids_to_still_tells_them_apart() -> None:
    ids = [new_run_id(1_700_000_000_000) for _ in range(200)]

    assert len(set(ids)) == 200
    assert len({run_id[:8] for run_id in ids}) > 190
