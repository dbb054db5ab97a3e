"""The server's settings, read once at start-up."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class SecurityConfig:
    """MLflow's network protections, as ``mlflow server`` takes them."""

    enabled: bool = True
    """False after --disable-security-middleware."""

    allowed_hosts: tuple[str, ...] | None = None
    """Host header patterns; None means MLflow's default (localhost and private addresses)."""

    cors_allowed_origins: tuple[str, ...] = ()
    """Origins beside localhost that may send state-changing requests."""

    x_frame_options: str = "SAMEORIGIN"
    """Value of the X-Frame-Options header; NONE leaves it out."""


@dataclass(frozen=True)
class ServerConfig:
    """Everything `headwater server` was told, resolved and validated."""

    database: Path | str
    """The SQLite file, or the URI of a PostgreSQL database."""

    artifact_root: str
    """Where new experiments put artifacts, such as ``mlflow-artifacts:/``."""

    artifacts: str | None = None
    """URI of the artifact store; None where MLflow's own code answers for artifacts."""

    artifact_index: Path | None = None
    """Directory for the index of an artifact store in a bucket; None: the user's cache."""

    host: str = "127.0.0.1"
    port: int = 5000
    static_prefix: str = ""
    """Path prefix of every route, without a trailing slash."""

    security: SecurityConfig = field(default_factory=SecurityConfig)
    relaxed_durability: bool = False
    """What was acknowledged last may be lost with the power, though not with the process."""

    search_timeout: float = 30.0
    """Seconds after which a search is stopped."""

    workspaces: bool = False
    """With workspaces enabled, tracking requests go to MLflow's own code."""

    artifacts_only: bool = False
    """With --artifacts-only, everything goes to MLflow's own code."""

    trace_archival: bool = False
    """With a trace archival configuration, MLflow's own code answers for experiments."""


@dataclass(frozen=True)
class UpstreamConfig:
    """How MLflow's own server is started; values go to ``mlflow server`` under the same names."""

    backend_store_uri: str | None
    """None in artifacts-only mode."""

    registry_store_uri: str | None
    default_artifact_root: str
    artifacts_destination: str
    artifact_index: Path | None = None
    """As `ServerConfig.artifact_index`; both processes share it."""

    serve_artifacts: bool = True
    artifacts_only: bool = False
    workers: int = 1
    expose_prometheus: str | None = None
    trace_archival_config: Path | None = None
    secrets_cache_ttl: int = 60
    secrets_cache_max_size: int = 1000
    workspaces: bool = False
    workspace_store_uri: str | None = None
    on_demand: bool = False
    """Start it with the first request that it has to answer."""
