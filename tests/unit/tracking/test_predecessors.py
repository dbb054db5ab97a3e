"""Which registered versions a new artifact is compared with."""

from pathlib import Path

from headwater.mlflow_release import installed_release
from headwater.storage.metadata.artifact_quotas import PlacedArtifacts
from headwater.storage.metadata.prepare import create
from headwater.storage.metadata.registered_versions import RegisteredVersion, newest_versions
from headwater.storage.metadata.sqlite import SqliteDatabase
from headwater.tracking.predecessors import MOST, predecessors

EXPERIMENTS = [
    PlacedArtifacts(1, "one", "mlflow-artifacts:/1", "team/vision", None),
    PlacedArtifacts(2, "two", "mlflow-artifacts:/2", "team/vision", None),
    PlacedArtifacts(3, "three", "mlflow-artifacts:/3", "lab", None),
    PlacedArtifacts(4, "four", "s3://bucket/4", "team/vision", None),
]
NEW = "1/models/m-new/artifacts/data/w.pt"


def version(name: str, location: str | None, created: int = 0) -> RegisteredVersion:
    return RegisteredVersion(name, 1, location, created)


def model(experiment: int, model_id: str) -> str:
    return f"mlflow-artifacts:/{experiment}/models/{model_id}/artifacts"


def found(path: str, *versions: RegisteredVersion) -> list[str]:
    return predecessors(path, versions, EXPERIMENTS)


def test_those_of_the_experiment_come_first_and_the_last_ones_before() -> None:
    versions = [
        version("project", model(2, "m-1"), 9),
        version("old", model(1, "m-2"), 1),
        version("new", model(1, "m-3"), 2),
    ]
    assert found(NEW, *versions) == [
        "1/models/m-3/artifacts/data/w.pt",
        "1/models/m-2/artifacts/data/w.pt",
        "2/models/m-1/artifacts/data/w.pt",
    ]
    assert len(found(NEW, *(version(str(n), model(1, f"m-{n}")) for n in range(20)))) == MOST


def test_what_is_elsewhere_or_the_file_itself_is_left_out() -> None:
    versions = [
        version("other project", model(3, "m-1")),
        version("in a bucket", "s3://bucket/4/models/m-2/artifacts"),
        version("nowhere", None),
        version("itself", model(1, "m-new")),
    ]
    assert found(NEW, *versions) == []
    assert found("1/no-artifacts", version("a", model(1, "m-1"))) == []
    assert found("9/models/m-new/artifacts/w.pt", version("a", model(1, "m-1"))) == []


def test_models_among_the_artifacts_of_runs_are_found_by_their_path() -> None:
    registered = version("a", "mlflow-artifacts:/1/run/artifacts/model")
    new = "1/later/artifacts/model/data/w.pt"
    assert found(new, registered) == ["1/run/artifacts/model/data/w.pt"]
    assert found("1/later/artifacts/models/data/w.pt", registered) == []


async def test_the_newest_versions_that_are_not_deleted_count(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    create(path, installed_release(), "mlflow-artifacts:/")
    database = SqliteDatabase(path)
    rows = [
        ("a", 1, "None", "mlflow-artifacts:/1/r1/artifacts/m", None),
        ("a", 2, "None", "models:/m-2", model(1, "m-2")),
        ("a", 3, "Deleted_Internal", "models:/m-3", model(1, "m-3")),
        ("b", 7, "Production", "mlflow-artifacts:/1/r7/artifacts/m", None),
    ]
    await database.write(
        lambda connection: (
            connection.executemany(
                "INSERT INTO registered_models (name) VALUES (?)", [("a",), ("b",)]
            ),
            connection.executemany(
                "INSERT INTO model_versions (name, version, current_stage, source,"
                " storage_location) VALUES (?, ?, ?, ?, ?)",
                rows,
            ),
        )
    )
    assert [(e.name, e.version, e.location) for e in await database.read(newest_versions)] == [
        ("a", 2, model(1, "m-2")),
        ("b", 7, "mlflow-artifacts:/1/r7/artifacts/m"),
    ]
    database.close()
