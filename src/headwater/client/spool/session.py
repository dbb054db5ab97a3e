"""This process's spool for a server: made when something is logged, sent by another process."""

import atexit
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headwater.client.connection import Connection
from headwater.client.settings import ConnectionSettings, connection_settings, http_uri
from headwater.client.spool.directory import SpoolDirectory, create_spool
from headwater.client.spool.outbox import ARTIFACT_LIMIT, Outbox
from headwater.client.spool.progress import ProgressFile
from headwater.client.spool.sender_process import URI_VARIABLE
from headwater.client.spool.status import read_status
from headwater.client.spool.watched import Watched, write_watched
from headwater.client.spool.writer import DEFAULT_LIMIT, SpoolWriter
from headwater.errors import ConfigurationError, SpoolFullError
from headwater.wire.operations import CreateRun, Status, UpdateRun

_POLL_SECONDS = 0.002
_ANSWER_SECONDS = 5.0
"""How long an answer is waited for, and believed."""

_FAILING_PATIENCE = 2.0
"""Seconds that `flush` waits although nothing can be sent at present."""

_logger = logging.getLogger(__name__)

Companion = Callable[[BaseException | None], object]
"""Ends what goes on beside a run; takes the error that ended the run."""


@dataclass(frozen=True)
class SpoolSettings:
    """Where spools are, how large one may become in bytes, and how long its end is waited for."""

    root: Path
    limit: int = DEFAULT_LIMIT
    flush_seconds: float = 10.0
    """How long the end of a run or of the process waits for the server."""

    artifact_limit: int = ARTIFACT_LIMIT
    """Bytes of files that wait for the server at most."""

    lost_after: float = 300.0
    """Seconds of silence after which the server takes a run for lost; 0 never, nor for killed."""


def spool_settings(environment: Mapping[str, str]) -> SpoolSettings:
    """Return the settings of HEADWATER_SPOOL_DIR, HEADWATER_SPOOL_LIMIT and the like.

    Raises:
        ConfigurationError: one of them is no number.
    """
    named = environment.get("HEADWATER_SPOOL_DIR")
    state = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    root = Path(named) if named else Path(state) / "headwater" / "spool"
    return SpoolSettings(
        root,
        _number(environment, "HEADWATER_SPOOL_LIMIT", DEFAULT_LIMIT),
        _number(environment, "HEADWATER_FLUSH_SECONDS", 10),
        _number(environment, "HEADWATER_SPOOL_ARTIFACT_LIMIT", ARTIFACT_LIMIT),
        _number(environment, "HEADWATER_LOST_AFTER_SECONDS", 300),
    )


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal():
        raise ConfigurationError(f"{name} must be a whole number, not {text!r}")
    return int(text)


class Session:
    """What this process logs to one server; any thread may use it."""

    def __init__(self, uri: str, settings: ConnectionSettings, spool: SpoolSettings) -> None:
        """`uri` is the server's with its credentials, `settings` what was made of it."""
        self._uri = http_uri(uri)
        self._settings = settings
        self._spool = spool
        self._lock = threading.Lock()
        self._writer: SpoolWriter | None = None
        self._outbox: Outbox | None = None
        self._sender: subprocess.Popen[bytes] | None = None
        self._has_reported = False
        self._answered_until = 0.0
        self._runs: list[CreateRun] = []
        """The runs that this process, or the one that it was forked from, has created."""

        self._watched: dict[str, bool] = {}
        """The runs that hang on this process; whether they end with it."""

        self._ranks: dict[str, int] = {}
        self._has_left = False
        self._companions: dict[str, list[Companion]] = {}

    @property
    def writer(self) -> SpoolWriter:
        """Return the spool's writer; the first call makes the spool and starts its sender.

        Raises:
            ConfigurationError: the spool cannot be made.
        """
        writer = self._writer
        return writer if writer is not None else self._begin()

    @property
    def outbox(self) -> Outbox:
        """Return where requests and files wait that the server could not take.

        Raises:
            ConfigurationError: the spool cannot be made.
        """
        writer = self.writer
        with self._lock:
            if self._outbox is None:
                limit = self._spool.artifact_limit
                self._outbox = Outbox(writer.directory, limit=limit, added=self._hurry)
            return self._outbox

    def has_waiting(self) -> bool:
        """Say whether something waits in the outbox: what comes later must wait behind it."""
        return self._outbox is not None and not self._outbox.is_empty()

    def answers(self) -> bool:
        """Say whether the server answers, as far as is known for a few seconds."""
        if time.monotonic() < self._answered_until:
            return True
        settings = replace(self._settings, timeout=_ANSWER_SECONDS, retries=0)
        with Connection(settings) as connection:
            is_there = connection.is_answered()
        if is_there:
            self._answered_until = time.monotonic() + _ANSWER_SECONDS
        return is_there

    def create_run(self, run: CreateRun) -> None:
        """Append a run to create.

        A process that is forked does so again: it may be the first to reach the server.

        Raises:
            ConfigurationError: the spool cannot be made.
            SpoolFullError: there is no room for it.
        """
        self.writer.append_operation(run)
        self._runs.append(run)

    def watch(self, run_id: str, *, ends_at_exit: bool = False) -> None:
        """Have the server mark a run as failed if this process is gone without ending it.

        With `ends_at_exit`, the regular end of the process ends the run.

        Raises:
            ConfigurationError: the spool cannot be made.
        """
        directory = self.writer.directory
        with self._lock:
            self._watched[run_id] = ends_at_exit
            self._say_watched(directory)

    def attend(self, run_id: str, rank: int) -> None:
        """Have the run tell if this process, a rank of it, is killed.

        Raises:
            ConfigurationError: the spool cannot be made.
        """
        directory = self.writer.directory
        with self._lock:
            self._ranks[run_id] = rank
            self._say_watched(directory)

    def unwatch(self, run_id: str) -> None:
        """Leave a run alone: it has ended, or another process goes on with it."""
        with self._lock:
            found = self._watched.pop(run_id, None), self._ranks.pop(run_id, None)
            if self._writer is not None and found != (None, None):
                self._say_watched(self._writer.directory)

    def accompany(self, run_id: str, companion: Companion) -> None:
        """Call `companion` before the run ends, or the process."""
        with self._lock:
            self._companions.setdefault(run_id, []).append(companion)

    def part(self, run_id: str, error: BaseException | None = None) -> None:
        """End what goes on beside a run; what it still logs comes before the run's end."""
        with self._lock:
            companions = self._companions.pop(run_id, ())
        for companion in companions:
            companion(error)

    def _say_watched(self, directory: SpoolDirectory) -> None:
        lost_after = int(1000 * self._spool.lost_after)
        try:
            watched = Watched(tuple(self._watched), lost_after, self._ranks, self._has_left)
            write_watched(directory.path, watched)
        except OSError as error:  # a full disk, say: no reason to end a training
            _logger.warning("the sender cannot be told which runs there are: %s", error)

    def flush(self, seconds: float | None = None, *, files: bool = True) -> bool:
        """Wait until the server has all that was logged so far, at most so long; say if it has.

        Without `files`, what waits in the outbox is left out of it. Where the server cannot be
        reached at present, a moment is waited only. None is what the settings say.
        """
        writer = self._writer
        if writer is None:
            return True
        seconds = self._spool.flush_seconds if seconds is None else seconds
        target = writer.position
        until = time.monotonic() + seconds
        patience = time.monotonic() + min(seconds, _FAILING_PATIENCE)
        self._hurry()
        path = writer.directory.path
        with ProgressFile(path) as progress:
            while progress.read().sent < target or (files and self.has_waiting()):
                now = time.monotonic()
                if now >= until or self._sender is None:
                    return False
                if now >= patience and read_status(path).failure:
                    return False
                time.sleep(_POLL_SECONDS)
        return True

    def report_unsent(self) -> None:
        """Tell a person once, on standard error, that the server lacks some of it."""
        if not self._has_reported:
            self._has_reported = True
            sys.stderr.write(f"headwater: {self.unsent_message()}\n")

    def unsent_message(self) -> str:
        """Return what to tell a person of what is not sent."""
        assert self._writer is not None
        directory = self._writer.directory
        failure = read_status(directory.path).failure
        reason = f": {failure}" if failure else ""
        waiting = 0 if self._outbox is None else len(self._outbox.numbers())
        files = f" ({waiting:,} artifacts or datasets among it)" if waiting else ""
        return (
            f"not all that was logged has reached {self._settings.url} yet{files}{reason}. It is "
            f"kept in {directory.path}; to send it later: headwater sync {directory.path}"
        )

    def abandon(self) -> None:
        """Begin anew in a process that was forked: the spool is the other process's."""
        writer, self._writer = self._writer, None
        self._outbox = None
        self._sender = None
        self._watched, self._ranks, self._has_left = {}, {}, False
        self._companions = {}
        self._lock = threading.Lock()
        if writer is not None:
            writer.abandon()

    def _begin(self) -> SpoolWriter:
        with self._lock:
            if self._writer is None:
                directory = create_spool(
                    self._spool.root, self._settings.url, self._settings.workspace
                )
                writer = SpoolWriter(directory, limit=self._spool.limit, begun=self._see_to_sender)
                ProgressFile(directory.path, writable=True).close()
                for run in self._runs:
                    writer.append_operation(run)
                self._writer = writer
                self._see_to_sender()
                atexit.register(self._flush_at_exit, os.getpid())
            return self._writer

    def _flush_at_exit(self, pid: int) -> None:
        writer = self._writer
        if os.getpid() != pid or writer is None:
            return
        for run_id in list(self._companions):
            self.part(run_id)
        self._leave(writer)
        if not self.flush():
            self.report_unsent()

    def _leave(self, writer: SpoolWriter) -> None:
        """End the runs that end with this process, and say that it has come to its end."""
        # Python notes an exception that nobody has caught, before it ends the process.
        status: Status = "FAILED" if getattr(sys, "last_value", None) else "FINISHED"
        now = time.time_ns() // 1_000_000
        for run_id in [run_id for run_id, ends in self._watched.items() if ends]:
            change = UpdateRun(run_id=run_id, status=status, end_time=now)
            try:
                writer.append_operation(change)
            except SpoolFullError as error:
                _logger.warning("the end of run %s could not be noted: %s", run_id, error)
            else:
                self._watched.pop(run_id)
        self._has_left = True  # for good: MLflow ends its run after this
        self._say_watched(writer.directory)

    def _see_to_sender(self) -> None:
        """Start the process that sends, and again where something has ended it."""
        writer = self._writer
        if writer is not None and (self._sender is None or self._sender.poll() is not None):
            self._sender = _start_sender(writer.directory, self._uri)

    def _hurry(self) -> None:
        self._see_to_sender()
        sender = self._sender
        if sender is not None and sender.stdin is not None:
            try:
                os.write(sender.stdin.fileno(), b"!")
            except OSError:  # it has ended; `flush` finds out
                return


def _start_sender(directory: SpoolDirectory, uri: str) -> "subprocess.Popen[bytes] | None":
    environment = {**os.environ, URI_VARIABLE: uri}
    try:
        with (directory.path / "sender.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  # our own module
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "headwater.client.spool.sender_process",
                    directory.path,
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        _logger.warning(
            "the process that sends cannot be started: %s. What is logged is kept in %s; to send "
            "it: headwater sync %s",
            *(error, directory.path, directory.path),
        )
        return None
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)
    return process


_sessions: dict[str, Session] = {}
_sessions_lock = threading.Lock()


def session_for(uri: str) -> Session:
    """Return this process's session for a server, by the environment when it is used first.

    Raises:
        ConfigurationError: the URI names no server, or a setting cannot be used.
    """
    with _sessions_lock:
        if uri not in _sessions:
            settings = connection_settings(uri, os.environ)
            _sessions[uri] = Session(uri, settings, spool_settings(os.environ))
        return _sessions[uri]


def _after_fork() -> None:
    global _sessions_lock  # the other process's thread may have held it
    _sessions_lock = threading.Lock()
    for session in _sessions.values():
        session.abandon()


os.register_at_fork(after_in_child=_after_fork)
