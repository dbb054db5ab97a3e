"""How far a transfer is, for people who look at a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
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


class _Shown:
    """Shows a bar."""

    def __init__(self, bars: Bars, text: str, total: int) -> None:
        self._bars = bars
        self._task = bars.add_task(escape(text), total=total)

    def advance(self, count: int) -> None:
        """Move the bar."""
        self._bars.advance(self._task, count)


@contextmanager
def transfer_progress(text: str, total: int) -> Iterator[Progress]:
    """Show a bar on standard error, if that is a terminal and MLflow's setting allows it."""
    is_wanted = bool(MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.get()) and sys.stderr.isatty()
    if total < SHOWN_FROM or not is_wanted:
        yield _Unseen()
        return
    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bars:
        yield _Shown(bars, text, total)
