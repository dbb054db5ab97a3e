from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.server.rest.twins import ARTIFACT_ROOT, Twins

from headwater.mlflow_release import installed_release
from headwater.storage.metadata import prepare


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new database, as the server makes it."""
    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    prepare.create(path, installed_release(), ARTIFACT_ROOT)
    return path


@pytest.fixture(scope="module")  # what it patches in MLflow must not reach other modules
def shared(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    with pytest.MonkeyPatch.context() as patch:
        both = Twins(template, tmp_path_factory.mktemp("twins"), patch)
        yield both
        both.close()


@pytest.fixture
def twins(shared: Twins) -> Iterator[Twins]:
    """Two equal databases; tests leave experiment 0 as it is and share the rest."""
    yield shared
    shared.forget()


@pytest.fixture
def fresh_twins(template: Path, tmp_path: Path) -> Iterator[Twins]:
    """Two equal databases of one's own."""
    with pytest.MonkeyPatch.context() as patch:
        both = Twins(template, tmp_path, patch)
        yield both
        both.close()
