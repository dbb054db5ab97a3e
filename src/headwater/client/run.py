"""Runs that are logged at the speed of memory: ``headwater.start_run``.

>>> with headwater.start_run("vision", params={"lr": 1e-3}) as run:
...     for step in range(1_000):
...         run.log({"loss": 1 / (1 + step)}, step=step)
"""

import getpass
import itertools
import os
import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np

from headwater.client.capture.begin import begin_capture, wants_capture
from headwater.client.launch import Launch, find_launch
from headwater.client.spool.session import Session, session_for
from headwater.client.system_metrics.settings import open_monitor, wants_system_metrics
from headwater.entities import reproduction
from headwater.entities.metric import Points, storable
from headwater.entities.rank_key import rank_key
from headwater.entities.run_id import new_run_id
from headwater.errors import ConfigurationError, InvalidParameterError
from headwater.wire.operations import (
    CreateRun,
    LogParams,
    SetTags,
    Status,
    UpdateRun,
    decode_operation,
    encode_operation,
)

RUN_VARIABLE = "HEADWATER_RUN"
"""Where processes that this one starts find the run to attach to."""

_ordinals = itertools.count()
"""Of the runs that this process starts with its fellow ranks."""


def start_run(
    experiment: str = "Default",
    *,
    run_name: str | None = None,
    params: Mapping[str, object] | None = None,
    tags: Mapping[str, object] | None = None,
    parent: "Run | str | None" = None,
    tracking_uri: str | None = None,
    rank: int | None = None,
    world_size: int | None = None,
    launch_id: str | None = None,
    capture: bool | None = None,
    system_metrics: bool | None = None,
) -> "Run":
    """Start a run, in an experiment that is created where there is none of that name.

    A run that is not ended ends with the process: finished, or failed where an exception ends it.
    If the process is killed, or nothing is heard of it, the server marks the run as failed.

    All ranks of a distributed training start the same run: by torchrun's, srun's or mpirun's
    environment variables, or by `rank`, `world_size` and `launch_id`, which all ranks share.

    `capture` is whether the run tells of git, command line, packages and machine, and keeps what is
    printed: yes, unless HEADWATER_CAPTURE says false. `system_metrics` is whether it logs what
    machine and process use: as MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING says unless given.

    Nothing waits for the server, which is `tracking_uri` or else MLFLOW_TRACKING_URI's: what is
    logged is kept on disk until it has it. `parent` nests the run in another.

    Raises:
        ConfigurationError: no server is named, or the directory for what is to be sent cannot be
            made; nothing tells the launch of several ranks from other launches; or psutil is
            missing for system metrics.
    """
    session = session_for(tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", ""))
    launch = find_launch(os.environ, rank=rank, world_size=world_size, launch_id=launch_id)
    now = time.time_ns() // 1_000_000
    run_id = new_run_id(now) if launch is None else launch.run_id(next(_ordinals))
    described = _described(tags or {}, parent)
    created = CreateRun(
        run_id=run_id,
        experiment_name=experiment,
        user_id=described["mlflow.user"],
        run_name=run_name or "",
        start_time=now,
        tags=described,
    )
    session.create_run(created)
    os.environ[RUN_VARIABLE] = encode_operation(created).decode()
    run = _joined(run_id, session, launch)
    run._accompany(launch, capture=capture, system_metrics=system_metrics)
    if params:
        run.log_params(params)
    if tags and launch is not None and not launch.rank:
        run.set_tags(tags)  # another rank may have created the run, and without them
    return run


def attach_run(
    run_id: str | None = None,
    *,
    rank: int | None = None,
    tracking_uri: str | None = None,
    capture: bool | None = None,
) -> "Run":
    """Log into a run that another process has started and ends.

    Without `run_id` it is the run that a process has started of which this one is a child. `rank`
    gives this process series of its own, and has it capture as `start_run` does.

    Raises:
        ConfigurationError: no run or no server is named.
    """
    session = session_for(tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", ""))
    if run_id is None:
        described = os.environ.get(RUN_VARIABLE)
        if not described:
            raise ConfigurationError(
                "no run to attach to: name its run_id, or start this process from one that has "
                "called headwater.start_run"
            )
        created = decode_operation(described.encode())
        if isinstance(created, CreateRun):  # this process may reach the server first
            session.create_run(created)
        run_id = created.run_id
    run = AttachedRun(run_id, session, rank or 0)
    if rank:  # the owner's own words are not to be overwritten
        session.attend(run_id, rank)
        run._accompany(None, capture=capture, system_metrics=False)
    return run


def _described(tags: Mapping[str, object], parent: "Run | str | None") -> dict[str, str]:
    """Return the tags that a run starts with."""
    described = {
        "mlflow.user": _user(),
        "mlflow.source.name": sys.argv[0] or "python",
        "mlflow.source.type": "LOCAL",
    }
    if parent is not None:
        described["mlflow.parentRunId"] = parent.run_id if isinstance(parent, Run) else parent
    if reproduced := os.environ.get(reproduction.VARIABLE):
        described[reproduction.TAG] = reproduced
    described.update((key, str(value)) for key, value in tags.items())
    return described


def _joined(run_id: str, session: Session, launch: Launch | None) -> "Run":
    if launch is not None and launch.rank:
        session.attend(run_id, launch.rank)
        return AttachedRun(run_id, session, launch.rank)
    session.watch(run_id, ends_at_exit=True)
    run = Run(run_id, session)
    if launch is not None:
        # The rank that has created the run may have been another one, or an earlier attempt.
        session.writer.append_operation(UpdateRun(run_id=run_id, status="RUNNING"))
        run.set_tags({"headwater.world_size": launch.world_size})
    return run


class Run:
    """A run that takes what is logged; ends with its ``with`` statement, or by `end`.

    Any thread may log. A process that is forked goes on in a spool of its own.
    """

    rank = 0
    """Of a distributed training."""

    def __init__(self, run_id: str, session: Session) -> None:
        self.run_id = run_id
        self._session = session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end("FINISHED" if kind is None else "FAILED")

    def log(self, metrics: Mapping[str, Any], step: int = 0, timestamp: int | None = None) -> None:
        """Log one value of each metric, numbers or what has one, such as tensors of one element.

        `timestamp` is in milliseconds since the epoch, now unless given.

        Raises:
            InvalidParameterError: a key or value cannot be stored; says which.
        """
        if timestamp is None:
            timestamp = time.time_ns() // 1_000_000
        elif timestamp < 0:
            raise InvalidParameterError("Invalid value for parameter 'timestamp': it is negative")
        self._session.writer.append_row(self.run_id, metrics, step, timestamp)

    def log_series(
        self,
        key: str,
        steps: Sequence[int] | Any,
        values: Sequence[float] | Any,
        timestamps: Sequence[int] | Any | None = None,
    ) -> None:
        """Log many values of a metric: sequences, NumPy arrays or pandas series of one length.

        `timestamps` are in milliseconds since the epoch, now unless given.

        Raises:
            InvalidParameterError: they differ in length or hold something else.
        """
        points = _series(key, steps, values, timestamps)
        self._session.writer.append_points(self.run_id, points)

    def log_params(self, params: Mapping[str, object]) -> None:
        """Log params; values become text as in MLflow."""
        texts = {key: str(value) for key, value in params.items()}
        self._session.writer.append_operation(LogParams(self.run_id, texts))

    def set_tags(self, tags: Mapping[str, object]) -> None:
        """Set tags; values become text as in MLflow."""
        texts = {key: str(value) for key, value in tags.items()}
        self._session.writer.append_operation(SetTags(self.run_id, texts))

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until the server has all that was logged, at most so long, and say if it has.

        None is HEADWATER_FLUSH_SECONDS, or else 10.
        """
        return self._session.flush(seconds)

    def end(self, status: Status = "FINISHED", *, wait: float | None = None) -> None:
        """End the run, and wait at most `wait` seconds until the server has all of it.

        None is HEADWATER_FLUSH_SECONDS, or else 10.
        """
        failed = status in ("FAILED", "KILLED")
        self._session.part(self.run_id, sys.exception() if failed else None)
        now = time.time_ns() // 1_000_000
        self._session.writer.append_operation(
            UpdateRun(run_id=self.run_id, status=status, end_time=now)
        )
        self._session.unwatch(self.run_id)
        if not self.flush(wait):
            self._session.report_unsent()

    def _accompany(
        self, launch: Launch | None, *, capture: bool | None, system_metrics: bool | None
    ) -> None:
        """Begin what goes on beside the run."""
        if wants_capture(os.environ, default=True) if capture is None else capture:
            begin_capture(self._session, self.run_id, rank=self.rank, with_tags=True)
        if wants_system_metrics(os.environ) if system_metrics is None else system_metrics:
            is_first = launch is None or launch.is_first_on_host
            monitor = open_monitor(self.log, os.environ, with_host=is_first)
            self._session.accompany(self.run_id, lambda _: monitor.stop())
            monitor.start()


class AttachedRun(Run):
    """A run that another process ends; rank 1 and up have series of their own, ``loss/rank/1``."""

    def __init__(self, run_id: str, session: Session, rank: int) -> None:
        super().__init__(run_id, session)
        self.rank = rank
        self._keys: dict[str, str] = {}

    def log(self, metrics: Mapping[str, Any], step: int = 0, timestamp: int | None = None) -> None:
        """Log as `Run.log` does, into this rank's series."""
        super().log({self._key(key): metrics[key] for key in metrics}, step, timestamp)

    def log_series(
        self,
        key: str,
        steps: Sequence[int] | Any,
        values: Sequence[float] | Any,
        timestamps: Sequence[int] | Any | None = None,
    ) -> None:
        """Log as `Run.log_series` does, into this rank's series."""
        super().log_series(self._key(key), steps, values, timestamps)

    def end(self, status: Status = "FINISHED", *, wait: float | None = None) -> None:
        """Wait as `Run.end` does. A failure fails the run; any other end is its owner's to tell."""
        if status != "FINISHED":
            super().end(status, wait=wait)
            return
        self._session.part(self.run_id)
        self._session.unwatch(self.run_id)
        if not self.flush(wait):
            self._session.report_unsent()

    def _key(self, key: str) -> str:
        named = self._keys.get(key)
        if named is None:
            named = self._keys[key] = rank_key(key, self.rank)
        return named


def _series(key: str, steps: Any, values: Any, timestamps: Any | None) -> Points:
    try:
        at = np.ascontiguousarray(steps, np.int64)
        of = np.ascontiguousarray(values, np.float64)
        if timestamps is None:
            times = np.full(at.shape, time.time_ns() // 1_000_000, np.int64)
        else:
            times = np.ascontiguousarray(timestamps, np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidParameterError(f"Metric {key!r}: {error}") from error
    if at.ndim != 1 or not at.shape == of.shape == times.shape:
        raise InvalidParameterError(
            f"Metric {key!r}: steps, values and timestamps must be of one length, not "
            f"{at.shape}, {of.shape}, {times.shape}"
        )
    if len(times) and times.min() < 0:
        raise InvalidParameterError(f"Metric {key!r}: a negative timestamp")
    return Points((key,), np.zeros(len(at), np.intp), at, times, storable(of))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container whose user has no name
        return "unknown"
