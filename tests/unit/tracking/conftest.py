from collections.abc import Iterator

import pytest
from tests.unit.tracking.searched import Searched


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Searched]:
    """A database that is only read."""
    database = Searched(tmp_path_factory.mktemp("searched"))
    yield database
    database.close()
