"""MLflow's own server as a supervised child process behind a unix socket."""

import asyncio
import contextlib
import logging
import os
import shlex
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from headwater.config import ServerConfig, UpstreamConfig
from headwater.entities.artifact_store_uri import INDEX_VARIABLE

_logger = logging.getLogger(__name__)

_LAUNCHER = "headwater.mlflow_plugin.upstream"
_PROBE_SECONDS = 0.05
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 15.0
_STEADY_SECONDS = 10.0
"""After so long a life, a death is no longer counted as another failure to start."""

_TERMINATE_SECONDS = 8.0
_GONE_SECONDS = 2.0


class Upstream:
    """Keeps MLflow's server running, and nothing of it when stopped.

    The child leads its own process group. It holds the read end of a pipe as standard input; when
    this process ends, however that happens, the pipe closes and the child ends its group.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        socket: Path,
        *,
        on_demand: bool = False,
    ) -> None:
        """`on_demand`: MLflow is started when somebody first waits for it."""
        self.socket = socket
        self._command = [sys.executable, "-m", _LAUNCHER, str(socket), *arguments]
        self._environment = environment
        self._accepting = asyncio.Event()
        self._retired = asyncio.Event()
        self._supervision: asyncio.Task[None] | None = None
        self._may_start = False
        self._is_wanted = not on_demand

    async def accepting(self, seconds: float) -> bool:
        """Wait until MLflow takes connections; False when it does not in time."""
        self._is_wanted = True
        self._start_if_wanted()
        if not self._accepting.is_set() and not self._retired.is_set():
            waits = [asyncio.create_task(e.wait()) for e in (self._accepting, self._retired)]
            try:
                await asyncio.wait(
                    waits, timeout=max(seconds, 0), return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                for wait in waits:
                    wait.cancel()
        return self._accepting.is_set() and not self._retired.is_set() and seconds > 0

    def retire(self) -> None:
        """Take no more requests; those that wait for MLflow are told so."""
        self._retired.set()

    def start(self) -> None:
        """Start MLflow, at once or on demand, and again whenever it dies."""
        self._may_start = True
        self._start_if_wanted()

    async def stop(self) -> None:
        """End MLflow and all its children."""
        if self._supervision is not None:
            self._supervision.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervision

    def _start_if_wanted(self) -> None:
        wanted = self._may_start and self._is_wanted and not self._retired.is_set()
        if wanted and self._supervision is None:
            self._supervision = asyncio.create_task(self._supervise())

    async def _supervise(self) -> None:
        delay = _FIRST_DELAY
        while True:
            started = asyncio.get_running_loop().time()
            status = await self._run_once()
            if asyncio.get_running_loop().time() - started > _STEADY_SECONDS:
                delay = _FIRST_DELAY
            _logger.warning(
                "MLflow's process ended (status %s); starting it again in %.1f s", status, delay
            )
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _run_once(self) -> int:
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)  # cleaners of /tmp may remove it
        self.socket.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr.fileno(),
            start_new_session=True,
        )
        probe = asyncio.create_task(self._probe())
        try:
            return await process.wait()
        finally:
            probe.cancel()
            self._accepting.clear()
            await _end_group(process)

    async def _probe(self) -> None:
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(self.socket)
            except OSError:
                await asyncio.sleep(_PROBE_SECONDS)
            else:
                writer.close()
                self._accepting.set()
                return


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """End the process and all that it started; first politely."""
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(process.wait(), _TERMINATE_SECONDS)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _GONE_SECONDS
    while _signal_group(process.pid, 0) and loop.time() < deadline:
        await asyncio.sleep(_PROBE_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; False when there is none."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS: not permitted on zombies
        return False
    return True


def mlflow_arguments(server: ServerConfig, upstream: UpstreamConfig, socket: Path) -> list[str]:
    """Return the arguments of ``mlflow`` that start its server on the socket."""
    security = server.security
    options: dict[str, str | int | Path | None] = {
        # MLflow's jobs call back to the host and port; uvicorn listens on the socket alone.
        "--host": server.host,
        "--port": server.port,
        "--workers": upstream.workers,
        "--default-artifact-root": upstream.default_artifact_root,
        "--artifacts-destination": upstream.artifacts_destination,
        "--static-prefix": server.static_prefix or None,
        "--allowed-hosts": ",".join(security.allowed_hosts or ()) or None,
        "--cors-allowed-origins": ",".join(security.cors_allowed_origins) or None,
        "--x-frame-options": security.x_frame_options or None,
        "--expose-prometheus": upstream.expose_prometheus,
        "--trace-archival-config": upstream.trace_archival_config,
        "--secrets-cache-ttl": upstream.secrets_cache_ttl,
        "--secrets-cache-max-size": upstream.secrets_cache_max_size,
        "--workspace-store-uri": upstream.workspace_store_uri,
        "--uvicorn-opts": _uvicorn_options(socket),
    }
    flags = {
        "--artifacts-only": upstream.artifacts_only,
        "--disable-security-middleware": not security.enabled,
        "--enable-workspaces": upstream.workspaces,
        "--serve-artifacts": upstream.serve_artifacts,
        "--no-serve-artifacts": not upstream.serve_artifacts,
    }
    arguments = [f"{name}={value}" for name, value in options.items() if value is not None]
    return ["server", *arguments, *(name for name, given in flags.items() if given)]


def mlflow_environment(environment: Mapping[str, str], upstream: UpstreamConfig) -> dict[str, str]:
    """Return the environment of MLflow's process: this one's, without telemetry.

    The URIs of stores are handed over here: they may hold passwords, and everybody may read a
    process's arguments.
    """
    stores = {
        "MLFLOW_BACKEND_STORE_URI": upstream.backend_store_uri,
        "MLFLOW_REGISTRY_STORE_URI": upstream.registry_store_uri,
    }
    kept = {name: value for name, value in environment.items() if name not in stores}
    if upstream.artifact_index is not None:
        kept[INDEX_VARIABLE] = str(upstream.artifact_index)
    given = {name: value for name, value in stores.items() if value is not None}
    fixed = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    return {**_QUIET, **kept, **given, **fixed}


_QUIET = {"MLFLOW_LOGGING_LEVEL": "WARNING", "PYTHONWARNINGS": "ignore"}


def _uvicorn_options(socket: Path) -> str:
    return shlex.join(
        [
            f"--uds={socket}",
            "--log-level=warning",
            "--no-access-log",
            "--no-server-header",
            "--no-date-header",
            "--forwarded-allow-ips=*",  # only the front can reach the socket
            "--timeout-keep-alive=120",
            "--timeout-graceful-shutdown=5",
        ]
    )
