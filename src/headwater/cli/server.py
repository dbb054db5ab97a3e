"""``headwater server``: what ``mlflow server`` is, with the tracking hot path served natively."""

import dataclasses
import os
import sys
from pathlib import Path

import typer

from headwater.cli import server_options as given
from headwater.config import ServerConfig, UpstreamConfig
from headwater.errors import ConfigurationError
from headwater.mlflow_release import MlflowRelease, installed_release
from headwater.server.run import bind, log_to_stderr, run
from headwater.server.settings import Options, check_directory, resolve
from headwater.storage.backend import backend_of

_NO_SERVER_OPTIONS = "Headwater runs its own HTTP server in front of MLflow's; leave it out"
_REFUSED = {
    "--app-name": "is not supported yet: Headwater would serve without the checks of that app; "
    "for basic-auth run: mlflow server --app-name basic-auth",
    "--gunicorn-opts": f"is not supported: {_NO_SERVER_OPTIONS}",
    "--waitress-opts": f"is not supported: {_NO_SERVER_OPTIONS}",
    "--uvicorn-opts": f"is not supported: {_NO_SERVER_OPTIONS}",
    "--dev": "is for developing MLflow itself; run: mlflow server --dev",
    "--read-replica-backend-store-uri": "is not supported: Headwater does not read from replicas",
}


def register(app: typer.Typer) -> None:
    """Add the subcommand."""
    app.command("server")(server)


def server(
    host: given.Host = "127.0.0.1",
    port: given.Port = 5000,
    data_dir: given.DataDir = None,
    backend_store_uri: given.BackendStoreUri = None,
    registry_store_uri: given.RegistryStoreUri = None,
    default_artifact_root: given.DefaultArtifactRoot = None,
    serve_artifacts: given.ServeArtifacts = True,
    artifacts_only: given.ArtifactsOnly = False,
    artifacts_destination: given.ArtifactsDestination = None,
    workers: given.Workers = None,
    mlflow_on_demand: given.MlflowOnDemand = False,
    static_prefix: given.StaticPrefix = None,
    allowed_hosts: given.AllowedHosts = None,
    cors_allowed_origins: given.CorsAllowedOrigins = None,
    disable_security_middleware: given.DisableSecurityMiddleware = False,
    x_frame_options: given.XFrameOptions = "SAMEORIGIN",
    expose_prometheus: given.ExposePrometheus = None,
    trace_archival_config: given.TraceArchivalConfig = None,
    secrets_cache_ttl: given.SecretsCacheTtl = 60,
    secrets_cache_max_size: given.SecretsCacheMaxSize = 1000,
    workspace_store_uri: given.WorkspaceStoreUri = None,
    enable_workspaces: given.EnableWorkspaces = False,
    app_name: given.AppName = None,
    gunicorn_opts: given.GunicornOpts = None,
    waitress_opts: given.WaitressOpts = None,
    uvicorn_opts: given.UvicornOpts = None,
    relaxed_durability: given.RelaxedDurability = False,
    search_timeout: given.SearchTimeout = 30.0,
    dev: given.Dev = False,
    read_replica_backend_store_uri: given.ReadReplica = None,
) -> None:
    """Run the tracking server: MLflow's REST API and user interface."""
    options = dict(locals())
    for option, why in _REFUSED.items():
        if options.pop(option.removeprefix("--").replace("-", "_")):
            raise ConfigurationError(f"{option} {why}")
    options["workspaces"] = options.pop("enable_workspaces")
    options["workers"] = workers or 1
    start(Options(**options))


def start(options: Options) -> None:
    """Check all that can be checked, then serve until told to stop.

    Raises:
        HeadwaterError: the server cannot start with these options.
    """
    log_to_stderr()
    if workspace := os.environ.get("MLFLOW_WORKSPACE"):
        raise ConfigurationError(
            f"MLFLOW_WORKSPACE={workspace} is meant for clients; unset it to start a server"
        )
    release = installed_release()
    config, upstream = resolve(options, Path.cwd())
    if not config.artifacts_only:
        if isinstance(config.database, Path):
            option = "--backend-store-uri" if options.backend_store_uri else "--data-dir"
            check_directory(config.database.parent, option)
        backend_of(config.database).inspect(release)
    listener = bind(config.host, config.port)
    config = dataclasses.replace(config, port=listener.getsockname()[1])
    _print_banner(options, config, upstream, release)
    run(config, upstream, release, listener)


def _print_banner(
    options: Options, config: ServerConfig, upstream: UpstreamConfig, release: MlflowRelease
) -> None:
    host = f"[{config.host}]" if ":" in config.host else config.host
    database = backend_of(config.database).name
    lines = [
        f"Headwater serves http://{host}:{config.port}{config.static_prefix}",
        f"  database   {'none (--artifacts-only)' if config.artifacts_only else database}",
        f"  artifacts  {_artifacts(config, upstream)}",
        f"  MLflow     {release.version}",
    ]
    if not (config.artifacts_only or config.workspaces):
        lines.insert(1, f"  pages      {lines[0].split()[-1]}/headwater/")
    beside = Path("mlflow.db")
    if not (options.backend_store_uri or options.data_dir) and beside.exists():
        lines.append(
            "  note       ./mlflow.db is not served; for it, add: "
            "--backend-store-uri sqlite:///mlflow.db"
        )
    print("\n".join(lines), file=sys.stderr, flush=True)


def _artifacts(config: ServerConfig, upstream: UpstreamConfig) -> str:
    if config.artifact_root.startswith("mlflow-artifacts:"):
        return upstream.artifacts_destination
    return config.artifact_root
