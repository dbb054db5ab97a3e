"""Whatever the locations of experiments are, each byte counts once where a limit holds."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities.artifact_location import proxied_path
from headwater.entities.project_path import is_within, path_of_tag
from headwater.errors import InvalidParameterError, QuotaExceededError
from headwater.storage.metadata.artifact_quotas import PlacedArtifacts
from headwater.tracking.quotas import quotas_of, require_room

DIRECTORIES = ("", "1", "2", "team", "team/a", "team/a/b", "te")
PROJECTS = ("", "p", "p/q", "other", None)
FILES = ("1/r/x", "10/x", "team/x", "team/a/x", "team/a/b/c", "te/y", "3/z", "team/ab/x")


@st.composite
def _experiments(draw: st.DrawFn) -> list[PlacedArtifacts]:
    count = draw(st.integers(0, 6))
    return [
        PlacedArtifacts(
            number,
            f"e{number}",
            draw(
                st.sampled_from([f"mlflow-artifacts:/{each}" for each in DIRECTORIES] + ["s3://b"])
            ),
            draw(st.sampled_from(PROJECTS)),
            draw(st.sampled_from([None, "5MB"])),
        )
        for number in range(count)
    ]


@given(_experiments(), st.dictionaries(st.sampled_from(FILES), st.integers(1, 100)))
def test_used_is_what_lies_where_the_limit_holds(
    experiments: list[PlacedArtifacts], files: Mapping[str, int]
) -> None:
    def total(directory: str) -> int:
        inside = directory and f"{directory}/"
        return sum(size for path, size in files.items() if path.startswith(inside))

    def owners(path: str) -> list[PlacedArtifacts]:
        """Those of the innermost location."""
        found = []
        for each in experiments:
            directory = proxied_path(each.location)
            if directory is not None and (not directory or path.startswith(f"{directory}/")):
                found.append((len(directory), each))
        longest = max((length for length, _ in found), default=0)
        return [each for length, each in found if length == longest]

    quotas = quotas_of({"": 1, "p": 2, "p/q": 3}, experiments)
    for quota in quotas.quotas:
        counted = {path for path in FILES if quota in quotas.over(path)}
        for path in FILES:
            if quota.experiment_id is not None:
                expected = any(each.experiment_id == quota.experiment_id for each in owners(path))
            else:
                places = [path_of_tag(each.project_tag) for each in owners(path)]
                expected = not quota.project or any(is_within(p, quota.project) for p in places)
            assert (path in counted) == expected, (path, quota)
        assert quotas.used(quota, total) == sum(files.get(path, 0) for path in counted)


def test_the_message_tells_what_to_do() -> None:
    place = PlacedArtifacts(7, "sweep", "mlflow-artifacts://host:5000/7", "team/vision", "many")
    project, experiment = quotas_of({"team": 10**9}, [place]).quotas
    require_room(project, 10**9 - 5, 5, "7/w.bin")
    with pytest.raises(QuotaExceededError) as raised:
        require_room(project, 10**9 - 5, 6, "7/w.bin")
    for text in ("project 'team'", "1 GB are allowed", "7/w.bin", "projects quota 'team' SIZE"):
        assert text in str(raised.value)
    with pytest.raises(InvalidParameterError, match="headwater experiments quota 7 SIZE"):
        require_room(experiment, 0, 1, "7/w.bin")
