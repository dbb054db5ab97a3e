import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.artifact_quota import parse_size, size_text
from headwater.errors import InvalidParameterError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("500GB", 500 * 10**9),
        ("1.5 tb", 1_500 * 10**9),
        ("200GiB", 200 * 2**30),
        (" 2kb ", 2000),
        ("0.0009kB", 0),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-1", "1,5GB", "5 G B", "5xb", "1e9", "9999999999TB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidParameterError):
        parse_size(text)


@given(st.integers(0, 10**18))
def test_a_size_is_told_nearly_as_it_is(size: int) -> None:
    text = size_text(size).replace(" bytes", "")
    assert abs(parse_size(text) - size) <= size / 1000
