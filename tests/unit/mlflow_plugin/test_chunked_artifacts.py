"""The artifact store under MLflow's own interface, as its server and others use it."""

from pathlib import Path

import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.mlflow_plugin.chunked_artifacts import ChunkedArtifactRepository
from headwater.storage.artifacts.overlay import STORE_DIRECTORY

pytestmark = MLFLOWS_WARNINGS

CONTENT = np.random.default_rng(0).bytes(1_000_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "the store"


@pytest.fixture
def repository(root: Path) -> ChunkedArtifactRepository:
    found = get_artifact_repository(f"headwater-cas+file://{str(root).replace(' ', '%20')}")
    assert isinstance(found, ChunkedArtifactRepository)
    return found


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "files"
    (directory / "data").mkdir(parents=True)
    (directory / "MLmodel").write_text("flavors: {}")
    (directory / "data" / "w.bin").write_bytes(CONTENT)
    return directory


def listed(repository: ChunkedArtifactRepository, path: str | None = None) -> list[str]:
    return [each.path for each in repository.list_artifacts(path)]


def test_files_and_directories_are_kept_and_fetched(
    repository: ChunkedArtifactRepository, root: Path, files: Path, tmp_path: Path
) -> None:
    repository.log_artifacts(str(files), "1/run/artifacts/model")
    repository.log_artifact(str(files / "MLmodel"))
    assert listed(repository) == ["1", "MLmodel"]
    assert listed(repository, "1/run/artifacts/model/") == [
        "1/run/artifacts/model/MLmodel",
        "1/run/artifacts/model/data",
    ]
    (tmp_path / "to").mkdir()
    where = repository.download_artifacts("1/run/artifacts/model", str(tmp_path / "to"))
    assert (Path(where) / "data" / "w.bin").read_bytes() == CONTENT
    assert [path.name for path in root.iterdir()] == [STORE_DIRECTORY]
    repository.delete_artifacts("1/run")
    assert listed(repository) == ["MLmodel"]


def test_a_repository_below_is_part_of_the_same_store(
    repository: ChunkedArtifactRepository, root: Path, files: Path
) -> None:
    uri = f"headwater-cas+file://{str(root).replace(' ', '%20')}/2/run/artifacts"
    run = get_artifact_repository(uri)
    assert isinstance(run, ChunkedArtifactRepository)
    run.log_artifacts(str(files), "model")
    assert listed(run) == ["model"]
    assert listed(run, "model") == ["model/MLmodel", "model/data"]
    assert listed(repository, "2/run/artifacts") == ["2/run/artifacts/model"]
    run.delete_artifacts()
    assert listed(repository) == []


def test_all_of_a_store_is_not_deleted_at_once(
    repository: ChunkedArtifactRepository, files: Path
) -> None:
    repository.log_artifact(str(files / "MLmodel"))
    for path in (None, "", ".", "a/.."):
        with pytest.raises(MlflowException, match="Invalid path"):
            repository.delete_artifacts(path)
    assert listed(repository) == ["MLmodel"]


def test_what_is_not_there_is_told_as_mlflow_does(repository: ChunkedArtifactRepository) -> None:
    with pytest.raises(MlflowException, match="No such artifact: 'none'") as raised:
        repository.get_local_path("none")
    assert raised.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert repository.get_local_path("") is not None
    assert listed(repository, "none") == []


def test_paths_that_lead_elsewhere_are_refused(
    repository: ChunkedArtifactRepository, files: Path
) -> None:
    with pytest.raises(MlflowException, match="Invalid artifact path"):
        repository.log_artifact(str(files / "MLmodel"), "../elsewhere")
    repository.log_artifact(str(files / "MLmodel"), "a")
    with pytest.raises(MlflowException, match="'a/MLmodel' is a file"):
        repository.log_artifact(str(files / "MLmodel"), "a/MLmodel")


@pytest.mark.parametrize("uri", ["headwater-cas+file:relative", "headwater-cas+file://host/x"])
def test_a_uri_names_an_absolute_path(uri: str) -> None:
    with pytest.raises(MlflowException, match="must name an absolute path"):
        get_artifact_repository(uri)
