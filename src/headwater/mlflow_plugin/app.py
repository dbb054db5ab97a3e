"""``mlflow server --app-name headwater``: the front, with MLflow's own application inside it."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.config import ServerConfig
from headwater.errors import ConfigurationError, HeadwaterError
from headwater.mlflow_plugin.uri import BACKEND_STORE_VARIABLE, accept_scheme
from headwater.mlflow_release import MlflowRelease, installed_release
from headwater.server.app import Front
from headwater.server.background import start_background, stop_background
from headwater.server.gate import Gate
from headwater.server.routes import native_routes
from headwater.server.settings import Options, resolve, store_uri
from headwater.storage.backend import backend_of
from headwater.storage.metadata.base import Database
from headwater.storage.metrics.activity import Activity
from headwater.tracking.service import TrackingService

_STARTUP_FAILURE = 3
"""Exit status that tells uvicorn's supervisor that another attempt would fail the same way."""


@dataclass(frozen=True)
class Opened:
    """A database that serves, where it is, and what is logged into it."""

    place: Path | str
    database: Database
    activity: Activity


class Application:
    """The front; compacts while the server runs, and closes the database when it stops."""

    def __init__(self, front: ASGIApp, opened: Opened | None) -> None:
        self._front = front
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run for as long as the server does."""
        opened = self._opened
        if scope["type"] != "lifespan" or opened is None:
            await self._front(scope, receive, send)
            return
        background = start_background(opened.place, opened.database, opened.activity)
        try:
            await self._front(scope, receive, send)
        finally:
            await stop_background(background)
            opened.database.close()


def create_app() -> ASGIApp:
    """Build the application from what `mlflow server` put into the environment.

    Called once in each of its worker processes. Ends the process with one line on standard error
    where the backend store cannot be served.
    """
    try:
        release = installed_release()
        config = resolve(options_from(os.environ), Path())[0]
        return _application(config, release)
    except HeadwaterError as error:
        sys.stderr.write(f"headwater: {error}\n")
        sys.exit(_STARTUP_FAILURE)


def options_from(environment: Mapping[str, str]) -> Options:
    """Return the options that `mlflow server` passes to its workers.

    Raises:
        ConfigurationError: `mlflow server` did not start this process.
    """
    artifacts_only = environment.get("_MLFLOW_SERVER_ARTIFACTS_ONLY") == "true"
    store = environment.get(BACKEND_STORE_VARIABLE)
    if not store and not artifacts_only:
        raise ConfigurationError(
            "this application runs inside MLflow's server; start it with: "
            "mlflow server --app-name headwater --backend-store-uri sqlite:///mlflow.db"
        )
    return Options(
        backend_store_uri=None if artifacts_only else store,
        default_artifact_root=environment.get("_MLFLOW_SERVER_ARTIFACT_ROOT"),
        serve_artifacts=environment.get("_MLFLOW_SERVER_SERVE_ARTIFACTS") == "true",
        artifacts_only=artifacts_only,
        static_prefix=environment.get("_MLFLOW_STATIC_PREFIX"),
        allowed_hosts=environment.get("MLFLOW_SERVER_ALLOWED_HOSTS"),
        cors_allowed_origins=environment.get("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"),
        disable_security_middleware=(
            environment.get("MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE") == "true"
        ),
        x_frame_options=environment.get("MLFLOW_SERVER_X_FRAME_OPTIONS", "SAMEORIGIN"),
        trace_archival_config=environment.get("MLFLOW_TRACE_ARCHIVAL_CONFIG"),
        workspaces=environment.get("MLFLOW_ENABLE_WORKSPACES", "").lower() in ("true", "1"),
        workspace_store_uri=environment.get("MLFLOW_WORKSPACE_STORE_URI"),
    )


def _application(config: ServerConfig, release: MlflowRelease) -> ASGIApp:
    if config.artifacts_only:
        return Application(Front(config, release, {}, Gate(), _mlflow_app()), None)
    backend = backend_of(config.database)
    backend.prepare(release, config.artifact_root)
    # MLflow's own code must see the points that the front stores; it reads this when it opens
    # its stores.
    os.environ[BACKEND_STORE_VARIABLE] = store_uri(config.database)
    accept_scheme()
    activity = Activity()
    database, metrics = backend.open(activity)
    service = TrackingService(database, metrics, config.artifact_root, release.behaviour)
    routes = native_routes(config.static_prefix, experiments=not config.trace_archival)
    front = Front(config, release, routes, Gate(service), _mlflow_app())
    return Application(front, Opened(config.database, database, activity))


def _mlflow_app() -> Any:
    # Importing it builds the application from the environment, which must be complete by then.
    from mlflow.server.fastapi_app import app  # noqa: PLC0415

    return app
