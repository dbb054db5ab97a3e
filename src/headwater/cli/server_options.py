"""The options of ``headwater server``: those of ``mlflow server``, and ``--data-dir``."""

from typing import Annotated

import typer

_STORAGE = "Storage"
_NETWORK = "Network"
_SECURITY = "Security"
_ADVANCED = "Advanced"

Host = Annotated[
    str,
    typer.Option(
        "--host", "-h", envvar="MLFLOW_HOST", rich_help_panel=_NETWORK, help="Address to listen on."
    ),
]
Port = Annotated[
    int,
    typer.Option(
        "--port",
        "-p",
        envvar="MLFLOW_PORT",
        min=0,
        max=65535,
        rich_help_panel=_NETWORK,
        help="Port to listen on; 0 takes a free one.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-w",
        envvar="MLFLOW_WORKERS",
        min=1,
        rich_help_panel=_NETWORK,
        help="Worker processes of MLflow's own server, which answers what Headwater does not.  "
        "[default: 1]",
    ),
]
MlflowOnDemand = Annotated[
    bool,
    typer.Option(
        "--mlflow-on-demand",
        envvar="HEADWATER_MLFLOW_ON_DEMAND",
        rich_help_panel=_NETWORK,
        help="Start MLflow's own server with the first request that it has to answer, such as one "
        "for the user interface. That one waits some seconds.",
    ),
]
StaticPrefix = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_STATIC_PREFIX",
        rich_help_panel=_NETWORK,
        help="Prefix of all paths, such as /mlflow.",
    ),
]
DataDir = Annotated[
    str | None,
    typer.Option(
        envvar="HEADWATER_DATA_DIR",
        rich_help_panel=_STORAGE,
        help="Directory for the default database and the default artifact store.  "
        "[default: ./headwater-data]",
    ),
]
BackendStoreUri = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_BACKEND_STORE_URI",
        rich_help_panel=_STORAGE,
        help="Database, such as sqlite:///mlflow.db or postgresql://user@host/database.  "
        "[default: mlflow.db in the data directory]",
    ),
]
RegistryStoreUri = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_REGISTRY_STORE_URI",
        rich_help_panel=_STORAGE,
        help="Database of the model registry.  [default: the backend store]",
    ),
]
DefaultArtifactRoot = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_DEFAULT_ARTIFACT_ROOT",
        rich_help_panel=_STORAGE,
        help="Where new experiments keep artifacts.  "
        "[default: mlflow-artifacts:/, or ./mlruns with --no-serve-artifacts]",
    ),
]
ServeArtifacts = Annotated[
    bool,
    typer.Option(
        "--serve-artifacts/--no-serve-artifacts",
        envvar="MLFLOW_SERVE_ARTIFACTS",
        rich_help_panel=_STORAGE,
        help="Pass artifacts of clients on to --artifacts-destination.",
    ),
]
ArtifactsOnly = Annotated[
    bool,
    typer.Option(
        "--artifacts-only",
        envvar="MLFLOW_ARTIFACTS_ONLY",
        rich_help_panel=_STORAGE,
        help="Serve artifacts and nothing else.",
    ),
]
ArtifactsDestination = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_ARTIFACTS_DESTINATION",
        rich_help_panel=_STORAGE,
        help="Directory or bucket that holds the served artifacts.  [default: artifacts in the "
        "data directory; with --backend-store-uri but no --data-dir, ./mlartifacts as MLflow]",
    ),
]
AllowedHosts = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_SERVER_ALLOWED_HOSTS",
        rich_help_panel=_SECURITY,
        help="Host headers to accept, separated by commas, with * as wildcard.  "
        "[default: localhost and private addresses]",
    ),
]
CorsAllowedOrigins = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_SERVER_CORS_ALLOWED_ORIGINS",
        rich_help_panel=_SECURITY,
        help="Origins that browsers may send requests from, separated by commas.  "
        "[default: localhost]",
    ),
]
DisableSecurityMiddleware = Annotated[
    bool,
    typer.Option(
        "--disable-security-middleware",
        envvar="MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE",
        rich_help_panel=_SECURITY,
        help="Accept every Host and Origin. Dangerous.",
    ),
]
XFrameOptions = Annotated[
    str,
    typer.Option(
        envvar="MLFLOW_SERVER_X_FRAME_OPTIONS",
        rich_help_panel=_SECURITY,
        help="Value of the X-Frame-Options header; NONE leaves it out.",
    ),
]
ExposePrometheus = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_EXPOSE_PROMETHEUS",
        rich_help_panel=_ADVANCED,
        help="Directory for MLflow's Prometheus files; turns /metrics on.",
    ),
]
TraceArchivalConfig = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_TRACE_ARCHIVAL_CONFIG",
        rich_help_panel=_ADVANCED,
        help="YAML file that configures MLflow's archival of traces.",
    ),
]
SecretsCacheTtl = Annotated[
    int,
    typer.Option(
        min=10, max=300, rich_help_panel=_ADVANCED, help="Seconds to keep decrypted secrets."
    ),
]
SecretsCacheMaxSize = Annotated[
    int,
    typer.Option(
        min=1, max=10_000, rich_help_panel=_ADVANCED, help="Number of decrypted secrets to keep."
    ),
]
WorkspaceStoreUri = Annotated[
    str | None,
    typer.Option(
        envvar="MLFLOW_WORKSPACE_STORE_URI",
        rich_help_panel=_ADVANCED,
        help="Store of MLflow's workspaces.  [default: the backend store]",
    ),
]
EnableWorkspaces = Annotated[
    bool,
    typer.Option(
        "--enable-workspaces/--disable-workspaces",
        envvar="MLFLOW_ENABLE_WORKSPACES",
        rich_help_panel=_ADVANCED,
        help="Isolate experiments and models by workspace.",
    ),
]
RelaxedDurability = Annotated[
    bool,
    typer.Option(
        "--relaxed-durability",
        envvar="HEADWATER_RELAXED_DURABILITY",
        rich_help_panel=_ADVANCED,
        help="Answer before the disk has synced: faster, but the last writes go with the power.",
    ),
]
SearchTimeout = Annotated[
    float,
    typer.Option(
        envvar="HEADWATER_SEARCH_TIMEOUT",
        min=0.1,
        max=3600,
        rich_help_panel=_ADVANCED,
        help="Seconds after which a search for runs is stopped.",
    ),
]
AppName = Annotated[str | None, typer.Option(hidden=True)]
GunicornOpts = Annotated[str | None, typer.Option(envvar="MLFLOW_GUNICORN_OPTS", hidden=True)]
WaitressOpts = Annotated[str | None, typer.Option(hidden=True)]
UvicornOpts = Annotated[str | None, typer.Option(envvar="MLFLOW_UVICORN_OPTS", hidden=True)]
Dev = Annotated[bool, typer.Option("--dev", hidden=True)]
ReadReplica = Annotated[
    str | None,
    typer.Option(
        "--read-replica-backend-store-uri",
        envvar="MLFLOW_READ_REPLICA_BACKEND_STORE_URI",
        hidden=True,
    ),
]
