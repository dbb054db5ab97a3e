"""What every tracking verb works with."""

from dataclasses import dataclass

from headwater.mlflow_release import Behaviour
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.metadata.base import Database
from headwater.storage.metrics.base import MetricEngine

DEFAULT_SEARCH_SECONDS = 30.0


@dataclass(frozen=True)
class TrackingService:
    """The stores and settings behind the tracking verbs."""

    database: Database
    metrics: MetricEngine
    artifact_root: str
    """Where new experiments put artifacts."""

    behaviour: Behaviour
    artifacts: ArtifactStore | None = None
    """Where the server keeps artifacts; None where MLflow's own code does."""

    search_seconds: float = DEFAULT_SEARCH_SECONDS
    """After so many seconds a search is stopped."""
