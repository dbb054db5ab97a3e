"""Starts the front, prepares the database behind it, keeps MLflow's process, stops cleanly."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from headwater.config import ServerConfig, UpstreamConfig
from headwater.errors import (
    ArtifactStoreError,
    ConfigurationError,
    StoreFullError,
    StoreUnavailableError,
)
from headwater.mlflow_release import MlflowRelease
from headwater.server.app import Front
from headwater.server.artifact_quotas import QuotaGuard
from headwater.server.artifacts import ArtifactRoutes
from headwater.server.background import start_background, stop_background
from headwater.server.daemon_thread import in_daemon_thread
from headwater.server.gate import Gate
from headwater.server.hot_protocol import HotProtocol
from headwater.server.memory import keep_freed_memory
from headwater.server.proxy import Proxy
from headwater.server.routes import native_routes
from headwater.server.upstream import Upstream, mlflow_arguments, mlflow_environment
from headwater.storage.artifacts.open_uri import open_uri
from headwater.storage.artifacts.store import ArtifactStore
from headwater.storage.backend import backend_of
from headwater.storage.metrics.activity import Activity
from headwater.tracking.predecessors import predecessors_in
from headwater.tracking.service import TrackingService

_logger = logging.getLogger(__name__)

_BACKLOG = 2048
_DRAIN_SECONDS = 10
_KEEP_ALIVE_SECONDS = 75
_OPEN_FILES = 65_536
_PREPARATION_SECONDS = 30.0
"""How long an upload waits for the database to be prepared."""

_LONGEST_SOCKET_PATH = 100

Result = TypeVar("Result")


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        ConfigurationError: the address does not exist or is in use.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with contextlib.ExitStack() as undo:
            # The explicit protocol is what makes event loops set TCP_NODELAY.
            listener = undo.enter_context(socket.socket(family, kind, socket.IPPROTO_TCP))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
            undo.pop_all()
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen on {host} port {port} ({error.strerror}); "
            "stop what uses it, or choose another with --port or --host"
        ) from error
    listener.setblocking(False)
    return listener


def run(
    server: ServerConfig,
    upstream: UpstreamConfig,
    release: MlflowRelease,
    listener: socket.socket,
) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        HeadwaterError: the database cannot be prepared.
    """
    _raise_open_files()
    keep_freed_memory()
    # Until the event loop handles it: leave by way of the clean-up below.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    with (
        _private_directory() as directory,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_Serving(server, upstream, release, directory).serve(listener))


class _Serving:
    """One life of the server."""

    def __init__(
        self,
        server: ServerConfig,
        upstream: UpstreamConfig,
        release: MlflowRelease,
        directory: Path,
    ) -> None:
        self._config = server
        self._release = release
        self._gate = Gate()
        path = directory / "mlflow.sock"
        self._upstream = Upstream(
            mlflow_arguments(server, upstream, path),
            mlflow_environment(os.environ, upstream),
            path,
            on_demand=upstream.on_demand,
        )
        self._proxy = Proxy(self._upstream)
        self._store: ArtifactStore | None = None
        self._uvicorn = Uvicorn(uvicorn_config(self._front()))
        self._failure: BaseException | None = None
        self._activity = Activity()
        self._background: Sequence[asyncio.Task[None]] = ()

    async def serve(self, listener: socket.socket) -> None:
        """Serve until told to stop, then leave nothing behind."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        starting = asyncio.create_task(self._start())
        starting.add_done_callback(self._started)
        try:
            await self._uvicorn.serve(sockets=[listener])
        finally:
            starting.cancel()
            await stop_background(self._background)
            await self._upstream.stop()
            await self._proxy.close()
            if self._gate.service is not None:
                await asyncio.to_thread(self._gate.service.database.close)
        if self._failure is not None:
            raise self._failure

    def _stop(self, number: int) -> None:
        self._uvicorn.handle_exit(number, None)  # a second SIGINT cuts the requests off
        self._upstream.retire()

    def _front(self) -> Front:
        config = self._config
        routes = native_routes(config.static_prefix, experiments=not config.trace_archival)
        trusted = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")
        upstream: ASGIApp = ProxyHeadersMiddleware(self._proxy, trusted)  # type: ignore[arg-type,assignment]  # uvicorn spells ASGI in its own types
        artifacts = open_artifacts(config, self._release, upstream, self._gate)
        self._store = None if artifacts is None else artifacts.store
        return Front(config, self._release, routes, self._gate, upstream, artifacts=artifacts)

    async def _start(self) -> None:
        if not self._config.artifacts_only:
            service = await in_daemon_thread(
                lambda: _open(self._config, self._release, self._activity, self._store)
            )
            self._gate.open(service)
            if self._store is not None:
                self._store.find_predecessors = predecessors_in(service.database)
            self._background = start_background(
                self._config.database, service.database, self._activity, self._store
            )
            gc.freeze()  # what is loaded by now stays: collections need not look at it
        self._upstream.start()
        if self._store is not None:
            store = self._store
            await in_daemon_thread(lambda: require_place(store))

    def _started(self, starting: "asyncio.Task[None]") -> None:
        if not starting.cancelled() and (failure := starting.exception()) is not None:
            self._failure = failure
            self._uvicorn.should_exit = True


def open_artifacts(
    config: ServerConfig, release: MlflowRelease, upstream: ASGIApp, gate: Gate
) -> ArtifactRoutes | None:
    """Open the artifact store, if there is one.

    Raises:
        ConfigurationError: its place cannot be used.
    """
    if config.artifacts is None:
        return None
    try:
        artifacts = open_uri(config.artifacts, config.artifact_index)
    except ArtifactStoreError as error:
        raise ConfigurationError(str(error)) from error
    server = release.package / "server"
    streams = (server / "artifact_router.py").exists()
    quotes = "_content_disposition_attachment" in (server / "handlers.py").read_text("utf-8")
    return ArtifactRoutes(
        artifacts,
        config.static_prefix,
        upstream,
        empty_put=streams,
        quotas=QuotaGuard(
            artifacts.store,
            None if config.artifacts_only else lambda: gate.passed(_PREPARATION_SECONDS),
        ),
        quotes_names=quotes,
        nosniff=not config.security.enabled,
    )


def require_place(store: ArtifactStore) -> None:
    """Refuse a place of artifacts that is none; one that is away or full may come back.

    Raises:
        ConfigurationError: the bucket is not there, or refuses.
    """
    try:
        store.begin()
    except (StoreUnavailableError, StoreFullError) as error:
        _logger.warning("artifacts cannot be read or written now: %s", error)
    except ArtifactStoreError as error:
        raise ConfigurationError(str(error)) from error


class Uvicorn(uvicorn.Server):
    """Uvicorn, with the signals left to us so that the process can exit with status 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def uvicorn_config(
    front: Front, protocol: "type[asyncio.Protocol] | Literal['httptools']" = HotProtocol
) -> uvicorn.Config:
    """Return how uvicorn serves the front."""
    return uvicorn.Config(
        front,
        http=protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def _open(
    config: ServerConfig,
    release: MlflowRelease,
    activity: Activity,
    artifacts: ArtifactStore | None,
) -> TrackingService:
    """Bring the database up to date and open it."""
    backend = backend_of(config.database)
    backend.prepare(release, config.artifact_root)
    database, metrics = backend.open(activity, relaxed=config.relaxed_durability)
    return TrackingService(
        database=database,
        metrics=metrics,
        artifact_root=config.artifact_root,
        behaviour=release.behaviour,
        search_seconds=config.search_timeout,
        artifacts=artifacts,
    )


@contextlib.contextmanager
def _private_directory() -> Iterator[Path]:
    """Yield a directory that only this user can enter, short enough for a socket's path."""
    parent = tempfile.gettempdir()
    if len(parent) > _LONGEST_SOCKET_PATH - len("/headwater-12345678/mlflow.sock"):
        parent = "/tmp"  # noqa: S108  # the directory made in it is private
    with tempfile.TemporaryDirectory(prefix="headwater-", dir=parent) as directory:
        yield Path(directory)


def _raise_open_files() -> None:
    """Allow as many connections as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def log_to_stderr() -> None:
    """Show warnings and errors, one line each."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
