"""How far a transfer is, for people who look at a terminal."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as Bars

SHOWN_FROM = 64 * 1024 * 1024
"""Bytes of a transfer that is shown; smaller ones are over before anybody has read it."""


class Progress(Protocol):
    """Is told of what has gone over, by any thread."""

    def advance(self, count: int) -> None:
        """Take note of so many bytes more."""


class _Unseen:
    """Shows nothing."""

    def advance(self, count: int) -> None:
        """Do nothing."""


class _Shared:
    """One display of all transfers of the process, while there are some."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bars: Bars | None = None
        self._count = 0

    @contextmanager
    def bar(self, text: str, total: int) -> Iterator[Progress]:
        """Show a bar."""
        with self._lock:
            if self._bars is None:
                self._bars = _display()
                self._bars.start()
            bars, self._count = self._bars, self._count + 1
        task = bars.add_task(escape(text), total=total)
        try:
            yield _Shown(bars, task)
        finally:
            bars.remove_task(task)
            with self._lock:
                self._count -= 1
                if not self._count:
                    bars.stop()
                    self._bars = None


@dataclass(frozen=True, slots=True)
class _Shown:
    """A bar."""

    bars: Bars
    task: TaskID

    def advance(self, count: int) -> None:
        """Move it."""
        self.bars.advance(self.task, count)


_shared = _Shared()


@contextmanager
def transfer_progress(text: str, total: int) -> Iterator[Progress]:
    """Show a bar on standard error, if that is a terminal and MLflow's setting allows it."""
    is_wanted = bool(MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.get()) and sys.stderr.isatty()
    if total < SHOWN_FROM or not is_wanted:
        yield _Unseen()
        return
    with _shared.bar(text, total) as shown:
        yield shown


def _display() -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
