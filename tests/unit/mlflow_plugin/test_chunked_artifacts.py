"""The artifact store under MLflow's own interface, as its server and others use it."""

from pathlib import Path

import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from tests.s3 import S3
from tests.unit.mlflow_plugin.conftest import MLFLOWS_WARNINGS

from headwater.entities.artifact_store_uri import INDEX_VARIABLE
from headwater.mlflow_plugin.chunked_artifacts import ChunkedArtifactRepository

pytestmark = MLFLOWS_WARNINGS

CONTENT = np.random.default_rng(0).bytes(1_000_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "the store"


@pytest.fixture(params=["directory", "bucket"])
def uri(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "directory":
        return f"headwater-cas+file://{str(root).replace(' ', '%20')}"
    s3: S3 = request.getfixturevalue("s3")
    s3.use(monkeypatch)
    monkeypatch.setenv(INDEX_VARIABLE, str(root))
    return f"headwater-cas+s3://{s3.create_bucket()}/ml/artifacts"


@pytest.fixture
def repository(uri: str) -> ChunkedArtifactRepository:
    found = get_artifact_repository(uri)
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
    repository: ChunkedArtifactRepository, files: Path, tmp_path: Path
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
    repository.delete_artifacts("1/run")
    assert listed(repository) == ["MLmodel"]


def test_a_repository_below_is_part_of_the_same_store(
    repository: ChunkedArtifactRepository, uri: str, files: Path
) -> None:
    repository.log_artifact(str(files / "MLmodel"))
    run = get_artifact_repository(f"{uri}/2/run/artifacts")
    assert isinstance(run, ChunkedArtifactRepository)
    run.log_artifacts(str(files), "model")
    assert listed(run) == ["model"]
    assert listed(run, "model") == ["model/MLmodel", "model/data"]
    assert listed(repository, "2/run/artifacts") == ["2/run/artifacts/model"]
    run.delete_artifacts()
    assert listed(repository) == ["MLmodel"]


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


def test_what_mlflow_has_put_into_a_bucket_stays(
    s3: S3, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.use(monkeypatch)
    monkeypatch.setenv(INDEX_VARIABLE, str(tmp_path / "index"))
    place = f"{s3.create_bucket()}/artifacts"
    get_artifact_repository(f"s3://{place}/1/run/artifacts").log_artifacts(str(files), "model")
    repository = get_artifact_repository(f"headwater-cas+s3://{place}")
    repository.log_artifact(str(files / "MLmodel"), "1/run/artifacts")
    assert listed(repository, "1/run/artifacts") == [
        "1/run/artifacts/MLmodel",
        "1/run/artifacts/model",
    ]
    (tmp_path / "to").mkdir()
    where = repository.download_artifacts("1/run/artifacts/model", str(tmp_path / "to"))
    assert (Path(where) / "data" / "w.bin").read_bytes() == CONTENT
    assert (Path(where) / "MLmodel").read_text() == "flavors: {}"


@pytest.mark.parametrize("uri", ["headwater-cas+s3://", "headwater-cas+s3:///x"])
def test_a_uri_names_a_bucket(uri: str) -> None:
    with pytest.raises(MlflowException, match="must name a bucket"):
        get_artifact_repository(uri)


def test_a_bucket_that_is_away_is_told_as_such(
    s3: S3, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.use(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setenv(INDEX_VARIABLE, str(tmp_path))
    with pytest.raises(MlflowException, match="'some-bucket' does not answer") as raised:
        get_artifact_repository("headwater-cas+s3://some-bucket")
    assert raised.value.error_code == "TEMPORARILY_UNAVAILABLE"


@pytest.mark.parametrize("uri", ["headwater-cas+file:relative", "headwater-cas+file://host/x"])
def test_a_uri_names_an_absolute_path(uri: str) -> None:
    with pytest.raises(MlflowException, match="must name an absolute path"):
        get_artifact_repository(uri)
