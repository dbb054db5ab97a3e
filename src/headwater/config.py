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

    database: Path
    """The SQLite file."""

    artifact_root: str
    """Where new experiments put artifacts, such as ``mlflow-artifacts:/``."""

    host: str = "127.0.0.1"
    port: int = 5000
    static_prefix: str = ""
    """Path prefix of every route, without a trailing slash."""

    security: SecurityConfig = field(default_factory=SecurityConfig)
    workspaces: bool = False
    """With workspaces enabled, tracking requests go to MLflow's own code."""

    artifacts_only: bool = False
    """With --artifacts-only, everything goes to MLflow's own code."""

    trace_archival: bool = False
    """With a trace archival configuration, MLflow's own code answers for experiments."""
