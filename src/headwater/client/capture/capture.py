"""Captures what a process tells of itself and what it prints, for one run."""

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from headwater.client.capture import environment
from headwater.client.capture.git import WorkingTree, read_working_tree
from headwater.client.capture.output import copy_output, stop_copying
from headwater.client.capture.text import plain
from headwater.errors import HeadwaterError
from headwater.wire.capture import Captured
from headwater.wire.operations import (
    LARGEST_OUTPUT,
    AppendOutput,
    CaptureRun,
    Operation,
    SetTags,
)

_PATIENCE = 5.0
"""Seconds that the end of a run waits for git at most."""

_logger = logging.getLogger(__name__)

Append = Callable[[Operation], object]


class Capture:
    """Captures for one run, from its start to `finish`; `append` brings it to the spool."""

    def __init__(self, run_id: str, append: Append, *, rank: int, with_tags: bool) -> None:
        """Rank 0 tells of code and packages, which all ranks share; others only of themselves."""
        self._run_id = run_id
        self._append = append
        self._rank = rank
        self._with_tags = with_tags
        self._thread = threading.Thread(target=self._tell, name="headwater-capture", daemon=True)

    def start(self) -> None:
        """Begin, without waiting for anything."""
        self._thread.start()
        copy_output(self._print)

    def finish(self, error: BaseException | None) -> None:
        """End; `error` is what ended the run, and would be printed only after this."""
        stop_copying(self._print)
        if error is not None:
            self._print("".join(traceback.format_exception(error)))
        self._thread.join(_PATIENCE)

    def _tell(self) -> None:
        is_first = self._rank == 0
        tree = read_working_tree(_program_directory()) if is_first else None
        if tree is None and is_first:
            tree = read_working_tree(Path.cwd())
        captured = Captured(
            command=environment.command_line(os.environ),
            python=environment.interpreter(),
            host=environment.host(),
            packages=environment.packages(sys.path) if is_first else [],
            git=None if tree is None else tree.git,
            captured_at=time.time_ns() // 1_000_000,
        )
        diff = None if tree is None else tree.diff
        told = CaptureRun(run_id=self._run_id, captured=captured, diff=diff, rank=self._rank)
        self._put(told)
        if tree is not None and self._with_tags:
            self._put(SetTags(self._run_id, _tags(tree)))

    def _print(self, text: str) -> None:
        text = plain(text)
        for first in range(0, len(text), LARGEST_OUTPUT):
            piece = text[first : first + LARGEST_OUTPUT]
            self._put(AppendOutput(run_id=self._run_id, text=piece, rank=self._rank))

    def _put(self, operation: Operation) -> None:
        try:
            self._append(operation)
        except HeadwaterError as error:  # a full spool: no reason to end a training
            _logger.debug("something of run %s could not be captured: %s", self._run_id, error)


def _tags(tree: WorkingTree) -> dict[str, str]:
    """Return what MLflow says of a working tree, under its names."""
    found = {
        "mlflow.source.git.commit": tree.git.commit,
        "mlflow.source.git.branch": tree.git.branch,
        "mlflow.source.git.repoURL": tree.git.remote,
        "mlflow.source.git.dirty": str(tree.git.is_dirty).lower(),
    }
    return {name: value for name, value in found.items() if value}


def _program_directory() -> Path:
    """Return where the program stands; a notebook and a prompt have none of their own."""
    program = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(program).absolute().parent if program else Path.cwd()
