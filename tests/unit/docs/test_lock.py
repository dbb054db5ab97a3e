"""The lock files fit pyproject.toml and any package index."""

import itertools
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[3]
LOCKS = ["dev.txt", "mlflow-oldest.txt"]


def pins(lock: str) -> dict[str, Version]:
    """Return the versions that apply here."""
    lines = (ROOT / "requirements" / lock).read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    return {
        canonicalize_name(requirement.name): Version(str(requirement.specifier)[2:])
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_every_dependency_is_locked_within_its_range(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *itertools.chain.from_iterable(project["project"]["optional-dependencies"].values()),
        *project["dependency-groups"]["dev"],
    ]
    locked = pins(lock)
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked; run: make lock"
        assert version in requirement.specifier, f"{requirement} is locked at {version}"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--" not in text


def test_the_oldest_lock_holds_the_oldest_mlflow() -> None:
    assert pins("mlflow-oldest.txt")["mlflow"] == Version("3.12.0")
