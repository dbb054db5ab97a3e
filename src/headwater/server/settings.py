"""From what the user asked for to a configuration that can be served."""

import tempfile
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from headwater.config import SecurityConfig, ServerConfig, UpstreamConfig
from headwater.entities.artifact_store_uri import STORE_SCHEME, check_store, is_store
from headwater.errors import ConfigurationError

DEFAULT_DATA_DIR = "./headwater-data"
INDEX_DIRECTORY = "artifact-index"
"""Where the index of an artifact store in a bucket is, in the directory for data."""

_MLFLOW_DEFAULT_STORES = frozenset({"sqlite:///mlflow.db", "./mlruns"})
_MLFLOW_DEFAULT_ARTIFACTS = "./mlartifacts"
_SQLITE_SCHEMES = frozenset({"sqlite", "headwater+sqlite"})
_POSTGRES_SCHEMES = frozenset(
    f"{prefix}{scheme}"
    for prefix in ("", "headwater+")
    for scheme in ("postgres", "postgresql", "postgresql+psycopg", "postgresql+psycopg2")
)
_REGISTRY_SCHEMES = frozenset({"sqlite", "postgresql", "mysql", "mssql", "http", "https"})


@dataclass(frozen=True)
class Options:
    """The options of ``headwater server`` as given; None means not given."""

    host: str = "127.0.0.1"
    port: int = 5000
    data_dir: str | None = None
    backend_store_uri: str | None = None
    registry_store_uri: str | None = None
    default_artifact_root: str | None = None
    serve_artifacts: bool = True
    artifacts_only: bool = False
    artifacts_destination: str | None = None
    static_prefix: str | None = None
    allowed_hosts: str | None = None
    cors_allowed_origins: str | None = None
    disable_security_middleware: bool = False
    x_frame_options: str = "SAMEORIGIN"
    expose_prometheus: str | None = None
    trace_archival_config: str | None = None
    secrets_cache_ttl: int = 60
    secrets_cache_max_size: int = 1000
    workspace_store_uri: str | None = None
    workspaces: bool = False
    workers: int = 1
    mlflow_on_demand: bool = False
    relaxed_durability: bool = False
    search_timeout: float = 30.0


def resolve(options: Options, directory: Path) -> tuple[ServerConfig, UpstreamConfig]:
    """Check the options and fill in the defaults; relative paths are taken from `directory`.

    Raises:
        ConfigurationError: an option has a value that cannot be served.
    """
    _check_artifacts_only(options)
    data_dir = directory / (options.data_dir or DEFAULT_DATA_DIR)
    database: Path | str = data_dir / "mlflow.db"
    if options.backend_store_uri and not options.artifacts_only:
        database = database_of(options.backend_store_uri, directory)
    artifact_root = default_artifact_root(
        options.default_artifact_root, options.serve_artifacts, directory
    )
    server = ServerConfig(
        database=database,
        artifact_root=artifact_root,
        artifacts=_chunked_artifacts(options, directory),
        artifact_index=data_dir / INDEX_DIRECTORY,
        host=options.host,
        port=options.port,
        static_prefix=_static_prefix(options.static_prefix),
        security=_security(options),
        relaxed_durability=options.relaxed_durability,
        search_timeout=options.search_timeout,
        workspaces=options.workspaces,
        artifacts_only=options.artifacts_only,
        trace_archival=options.trace_archival_config is not None,
    )
    return server, _upstream(options, directory, server)


def database_of(uri: str, directory: Path) -> Path | str:
    """Return the absolute path of a SQLite file, or the ``postgresql:`` URI of a database.

    Raises:
        ConfigurationError: another kind of store, or a database without a file.
    """
    scheme, separator, rest = uri.partition("://")
    if separator and scheme in _POSTGRES_SCHEMES:
        return f"postgresql://{rest}"
    if not separator or scheme not in _SQLITE_SCHEMES:
        raise ConfigurationError(
            f"--backend-store-uri {_shown(uri)!r} is not supported; "
            "use sqlite:///path/to/mlflow.db or postgresql://user@host/database"
        )
    return sqlite_path(uri, directory)


def sqlite_path(uri: str, directory: Path) -> Path:
    """Return the absolute path of the file that a ``sqlite:///`` URI names.

    Raises:
        ConfigurationError: another kind of store, or a database without a file.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme not in _SQLITE_SCHEMES:
        raise ConfigurationError(
            f"--backend-store-uri {_shown(uri)!r} is not supported here; "
            "use a SQLite database: sqlite:///path/to/mlflow.db"
        )
    if not rest.startswith("/") or "?" in rest:
        raise ConfigurationError(
            f"--backend-store-uri {uri!r} is not a valid SQLite URI; "
            "write sqlite:///relative.db or sqlite:////absolute/path.db"
        )
    name = rest[1:]
    if name in ("", ":memory:") or name.startswith("file:"):
        raise ConfigurationError(
            f"--backend-store-uri {uri!r} names a database in memory, which the server's processes "
            "cannot share; name a file: sqlite:///mlflow.db"
        )
    return Path.cwd() / directory / name


def _shown(uri: str) -> str:
    """Return a URI without what may be a password."""
    return uri.rpartition("@")[2]


def store_uri(database: Path | str) -> str:
    """Return the URI by which MLflow opens the database through Headwater's stores."""
    if isinstance(database, Path):
        return f"headwater+sqlite:///{database}"
    return f"headwater+{database}"


def default_artifact_root(given: str | None, serve_artifacts: bool, directory: Path) -> str:
    """Return where new experiments keep their artifacts, by MLflow's rule."""
    if not given:
        return "mlflow-artifacts:/" if serve_artifacts else str(Path.cwd() / directory / "mlruns")
    parts = urllib.parse.urlsplit(given)
    if parts.scheme not in ("", "file") or parts.netloc or Path(parts.path).is_absolute():
        return given
    path = (Path.cwd() / directory / parts.path).as_posix()
    return path if parts.scheme == "" else urllib.parse.urlunsplit(("file", "", path, "", ""))


def check_directory(directory: Path, option: str) -> None:
    """Create the directory if it is missing and make sure that files can be written there.

    Raises:
        ConfigurationError: it cannot be created or written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"cannot write to {directory} ({error.strerror}); "
            f"make it writable or choose another with {option}"
        ) from error


def _check_artifacts_only(options: Options) -> None:
    if not options.artifacts_only:
        return
    if options.backend_store_uri not in (None, "", *_MLFLOW_DEFAULT_STORES):
        raise ConfigurationError(
            "--artifacts-only and --backend-store-uri cannot be combined; leave one of them out"
        )
    if options.trace_archival_config is not None:
        raise ConfigurationError(
            "--artifacts-only and --trace-archival-config cannot be combined; leave one of them out"
        )
    if options.workspaces and not options.workspace_store_uri:
        raise ConfigurationError(
            "--artifacts-only with --enable-workspaces needs --workspace-store-uri as well"
        )


def _static_prefix(value: str | None) -> str:
    if not value:
        return ""
    if not value.startswith("/") or value.endswith("/") or "{" in value or "}" in value:
        raise ConfigurationError(
            f"--static-prefix {value!r} must begin with '/', must not end with '/' "
            "and must not contain braces"
        )
    return value


def _security(options: Options) -> SecurityConfig:
    hosts, origins = options.allowed_hosts, options.cors_allowed_origins
    return SecurityConfig(
        enabled=not options.disable_security_middleware,
        allowed_hosts=tuple(host.strip() for host in hosts.split(",")) if hosts else None,
        cors_allowed_origins=tuple(o.strip() for o in origins.split(",")) if origins else (),
        x_frame_options=options.x_frame_options,
    )


def _upstream(options: Options, directory: Path, server: ServerConfig) -> UpstreamConfig:
    store = None if options.artifacts_only else store_uri(server.database)
    archival = Path(options.trace_archival_config) if options.trace_archival_config else None
    if archival is not None and not (directory / archival).is_file():
        raise ConfigurationError(f"--trace-archival-config {archival} is not a file")
    if archival is not None and options.mlflow_on_demand:
        raise ConfigurationError(
            "--mlflow-on-demand and --trace-archival-config exclude each other: MLflow's process, "
            "which archives traces, must always run"
        )
    return UpstreamConfig(
        backend_store_uri=store,
        registry_store_uri=_registry_store(options.registry_store_uri, directory, store),
        default_artifact_root=server.artifact_root,
        artifacts_destination=_destination(options, directory),
        artifact_index=server.artifact_index,
        serve_artifacts=options.serve_artifacts,
        artifacts_only=options.artifacts_only,
        workers=options.workers,
        expose_prometheus=options.expose_prometheus,
        trace_archival_config=archival,
        secrets_cache_ttl=options.secrets_cache_ttl,
        secrets_cache_max_size=options.secrets_cache_max_size,
        workspaces=options.workspaces,
        workspace_store_uri=options.workspace_store_uri,
        on_demand=options.mlflow_on_demand,
    )


def _destination(options: Options, directory: Path) -> str:
    return options.artifacts_destination or artifacts_destination(
        options.data_dir,
        options.backend_store_uri or ("none" if options.artifacts_only else None),
        directory,
    )


def _chunked_artifacts(options: Options, directory: Path) -> str | None:
    """Return the URI of the artifact store, if that is where artifacts go."""
    destination = _destination(options, directory)
    if options.workspaces or not options.serve_artifacts:
        return None
    return check_store(destination) if is_store(destination) else None


def artifacts_destination(
    data_dir: str | None, backend_store_uri: str | None, directory: Path
) -> str:
    """Return where a server keeps artifacts unless it is told.

    MLflow's default applies to a database of MLflow's, ours to a data directory of ours.
    """
    if data_dir is None and backend_store_uri:
        return _MLFLOW_DEFAULT_ARTIFACTS
    place = Path.cwd() / directory / (data_dir or DEFAULT_DATA_DIR) / "artifacts"
    return f"{STORE_SCHEME}://{urllib.parse.quote(str(place))}"


def _registry_store(given: str | None, directory: Path, store: str | None) -> str | None:
    if not given:
        return store
    scheme = given.partition(":")[0]
    if scheme.startswith("headwater+"):
        return store_uri(database_of(given, directory))
    if scheme.partition("+")[0] not in _REGISTRY_SCHEMES:
        raise ConfigurationError(
            f"--registry-store-uri {given!r} is not a store that MLflow can open"
        )
    return given
