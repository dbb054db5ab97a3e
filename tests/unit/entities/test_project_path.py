import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.project_path import (
    ancestors,
    is_within,
    moved_path,
    parse_path,
    path_of_tag,
)
from headwater.errors import InvalidParameterError

SEGMENT = st.text("aZé0_ .+@()-", min_size=1, max_size=8).filter(
    lambda text: text[0] in "aZé0_" and text[-1] != " "
)
PATH = st.lists(SEGMENT, min_size=1, max_size=5).map("/".join)


@given(PATH)
def test_a_path_is_taken_as_it_is(path: str) -> None:
    assert parse_path(path, "project") == path_of_tag(path) == path
    assert ancestors(path)[0] == ""
    assert ancestors(path)[-1] == path
    assert all(is_within(path, project) for project in ancestors(path))


@pytest.mark.parametrize("path", ["", "team", "team/vision", "Café/näher dran", "v1.2+exp(3)@x"])
def test_paths(path: str) -> None:
    assert parse_path(path, "project") == path


def test_a_decomposed_letter_is_composed() -> None:
    assert parse_path("Cafe\N{COMBINING ACUTE ACCENT}", "project") == "Café"


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/team", "slash"),
        ("team/", "slash"),
        ("team//vision", "slash"),
        ("team/ vision", "slash"),
        ("team/..", "begin with"),
        ("team/-x", "begin with"),
        ("team/a'b", "begin with"),
        ("a\tb", "begin with"),
        ("a%", "begin with"),
        ("/".join("abcdefghijk"), "11 names deep"),
        ("x" * 101, "more than 100"),
        ("/".join(["x" * 99] * 6), "at most 500"),
    ],
)
def test_what_is_no_path_is_named_with_the_way_out(path: str, why: str) -> None:
    with pytest.raises(InvalidParameterError, match=why) as refused:
        parse_path(path, "project")
    assert "'project'" in str(refused.value)


@pytest.mark.parametrize(
    ("value", "path"), [(None, ""), ("", ""), ("/", ""), ("/team// vision /", "team/vision")]
)
def test_any_tag_is_somewhere_in_the_tree(value: str | None, path: str) -> None:
    assert path_of_tag(value) == path


@given(PATH, PATH, PATH)
def test_moving_there_and_back_changes_nothing(project: str, rest: str, to: str) -> None:
    for path in (project, f"{project}/{rest}"):
        moved = moved_path(path, project, to)
        assert is_within(moved, to)
        assert moved_path(moved, to, project) == path


def test_moving_to_the_root_takes_the_project_away() -> None:
    assert moved_path("team/vision", "team", "") == "vision"
    assert moved_path("team", "team", "") == ""


def test_a_name_that_goes_on_is_not_within() -> None:
    assert not is_within("teams", "team")
    assert is_within("team", "")
