"""Artifacts are looked for in the store that has them, and in no other."""

from pathlib import Path

import pytest
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.mlflow_plugin.artifact_place import located

pytestmark = [*MLFLOWS_WARNINGS]


@pytest.mark.parametrize("end", ["", "/"])
def test_a_place_whose_name_begins_alike_is_another_one(tmp_path: Path, end: str) -> None:
    root = f"headwater-cas+file://{tmp_path}/artifacts"
    for uri, path in (
        ("mlflow-artifacts:/1/run/artifacts", "1/run/artifacts"),
        ("mlflow-artifacts://host:5000/1/run", "1/run"),
        (f"{root}/1/run", "1/run"),
        (f"{root}-old/1/run", None),
    ):
        repository, found = located(uri, root + end)
        assert found == path
        assert repository.artifact_uri == (uri if path is None else root + end)


def test_what_leads_out_of_the_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not below the server's"):
        located("mlflow-artifacts:/1/%2e%2e/%2e%2e/x", f"headwater-cas+file://{tmp_path}")
