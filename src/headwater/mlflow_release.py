"""What the installed MLflow release is and how it behaves, found without importing it.

Importing MLflow costs seconds and a hundred megabytes; the front needs only its version, where its
files lie and which database revisions it knows.
"""

import importlib.metadata
import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import ConfigurationError

_REVISION = re.compile(r"^revision\s*(?::[^=]+)?=\s*[\"'](\w+)[\"']", re.MULTILINE)
_DOWN_REVISION = re.compile(r"^down_revision\s*(?::[^=]+)?=\s*[\"'](\w+)[\"']", re.MULTILINE)
_OLDEST = (3, 12)
_BEFORE = (4, 0)


@dataclass(frozen=True)
class Behaviour:
    """Where releases of MLflow answer the same request differently."""

    nan_never_matches: bool
    """Since 3.17, a NaN metric satisfies no comparison in a search filter but ``!=``."""

    samples_rows: bool
    """Since 3.15, get-history-bulk-interval samples rows (NTILE), not distinct steps."""

    plain_health: bool
    """Since 3.17, GET /health is text/plain; it was text/html."""

    names_workspace: bool
    """Since 3.14, an experiment's message names its workspace."""

    sums_traces: bool
    """Since 3.17, there are tables of daily sums of traces, and assessments name an experiment."""

    keeps_listed_texts: bool
    """Since 3.17, IN lists of search filters keep texts that have an upper-case letter or no
    lower-case one; they were dropped."""

    filters_experiment_ids: bool
    """Since 3.17, filters on experiments may compare ``experiment_id``."""


@dataclass(frozen=True)
class MlflowRelease:
    """The MLflow installation beside which Headwater runs."""

    version: str
    package: Path
    head_revision: str
    known_revisions: frozenset[str]
    behaviour: Behaviour

    @property
    def user_interface(self) -> Path:
        """Directory of the built MLflow UI, as the wheel ships it."""
        return self.package / "server" / "js" / "build"


def version_numbers(version: str) -> tuple[int, int]:
    """Return (major, minor) of a version text such as ``3.17.2`` or ``3.18.0rc1``."""
    major, minor, *_ = [*re.findall(r"\d+", version), "0", "0"]
    return int(major), int(minor)


def behaviour_of(version: str) -> Behaviour:
    """Return how the given MLflow version behaves where releases differ."""
    numbers = version_numbers(version)
    return Behaviour(
        nan_never_matches=numbers >= (3, 17),
        samples_rows=numbers >= (3, 15),
        plain_health=numbers >= (3, 17),
        names_workspace=numbers >= (3, 14),
        sums_traces=numbers >= (3, 17),
        keeps_listed_texts=numbers >= (3, 17),
        filters_experiment_ids=numbers >= (3, 17),
    )


def installed_release() -> MlflowRelease:
    """Find the installed MLflow.

    Raises:
        ConfigurationError: MLflow is missing or outside the supported range.
    """
    spec = importlib.util.find_spec("mlflow")
    if spec is None or spec.origin is None:
        raise ConfigurationError("MLflow is not installed; run: pip install 'mlflow>=3.12,<4'")
    version = importlib.metadata.version("mlflow")
    if not _OLDEST <= version_numbers(version) < _BEFORE:
        raise ConfigurationError(
            f"MLflow {version} is not supported; run: pip install 'mlflow>=3.12,<4'"
        )
    package = Path(spec.origin).parent
    head, known = _revisions(package / "store" / "db_migrations" / "versions")
    return MlflowRelease(version, package, head, known, behaviour_of(version))


def _revisions(directory: Path) -> tuple[str, frozenset[str]]:
    """Return the newest database revision and all revisions that MLflow's migrations name."""
    known: set[str] = set()
    parents: set[str] = set()
    for script in directory.glob("*.py"):
        text = script.read_text(encoding="utf-8")
        known.update(_REVISION.findall(text))
        parents.update(_DOWN_REVISION.findall(text))
    heads = known - parents
    if len(heads) != 1:
        raise ConfigurationError(f"cannot tell MLflow's database revision from {directory}")
    return heads.pop(), frozenset(known)
