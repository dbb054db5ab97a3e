"""``headwater runs logs`` and ``headwater runs capture``: what runs print, and what they are."""

import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer

from headwater.cli import table
from headwater.cli.options import Json, TrackingUri
from headwater.client.captures import RankCapture, get_captures, get_diff, get_output
from headwater.client.connection import Connection, connect
from headwater.errors import NotFoundError
from headwater.wire.run_output import MOST_BYTES

_RUNNING = frozenset({"RUNNING", "SCHEDULED"})
_LOOK_SECONDS = 1.0
_BYTES_A_LINE = 120
"""To begin with, when only the last lines are wanted."""

RunId = Annotated[str, typer.Argument(metavar="RUN_ID", help="The run.")]
Rank = Annotated[int, typer.Option(min=0, help="Of a distributed training.")]


def register(runs: typer.Typer) -> None:
    """Add the commands to those of ``headwater runs``."""
    runs.command("logs")(logs)
    runs.command("capture")(capture)


def logs(
    run_id: RunId,
    rank: Rank = 0,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=0, help="Only the last so many lines.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")
    ] = False,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Show what a run has printed, the last megabyte of it."""
    if follow and json_output:
        raise typer.BadParameter("--follow and --json exclude each other")
    with connect(tracking_uri) as server:
        found = _last_lines(server, run_id, rank, tail)
        if json_output:
            table.print_json(found)
            return
        _show(found["text"])
        while True:
            if found["after"] < found["end"]:
                found = get_output(server, run_id, rank, found["after"])
            elif follow and found["status"] in _RUNNING:
                time.sleep(_LOOK_SECONDS)
                found = get_output(server, run_id, rank, found["after"])
            else:
                break
            _show(found["text"])
    if not found["end"]:
        table.note(_nothing(found["ranks"]))


def capture(
    run_id: RunId,
    rank: Rank = 0,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print the difference to the commit, as git writes it.")
    ] = False,
    packages: Annotated[
        bool, typer.Option("--packages", help="Print the packages, as a requirements file.")
    ] = False,
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Show what a run has told of its code, command line, packages and machine."""
    if diff + packages + json_output > 1:
        raise typer.BadParameter("--diff, --packages and --json exclude each other")
    with connect(tracking_uri) as server:
        found = capture_of(get_captures(server, run_id), run_id, rank)
        patch = get_diff(server, run_id, rank) if diff else None
    if diff:
        sys.stdout.buffer.write(patch or b"")
    elif packages:
        print("\n".join(found.captured.packages))
    elif json_output:
        table.print_json(msgspec.to_builtins(found.captured))
    else:
        table.print_fields(list(_described(found).items()))


def capture_of(captures: Sequence[RankCapture], run_id: str, rank: int) -> RankCapture:
    """Return what a rank has told.

    Raises:
        NotFoundError: it has told nothing.
    """
    for each in captures:
        if each.rank == rank:
            return each
    which = f"rank {rank} of run {run_id}" if captures else f"run {run_id}"
    raise NotFoundError(
        f"{which} has captured nothing: runs of headwater.start_run do, and those of mlflow where "
        "HEADWATER_CAPTURE is true and MLFLOW_TRACKING_URI begins with headwater://"
    )


def _last_lines(server: Connection, run_id: str, rank: int, tail: int | None) -> Mapping[str, Any]:
    """Return what was printed, or enough of its end to have so many lines."""
    if tail is None:
        return get_output(server, run_id, rank, 0)
    size = _BYTES_A_LINE * max(tail, 1)
    while True:
        size = min(size, MOST_BYTES)
        found = get_output(server, run_id, rank, -size)
        lines = found["text"].splitlines(keepends=True)
        if len(lines) > tail or size == MOST_BYTES or found["end"] <= size:
            text = "".join(lines[len(lines) - min(tail, len(lines)) :])
            return {**found, "text": text}
        size *= 4


def _show(text: str) -> None:
    """Print the text; for a file, only the last state of each progress bar."""
    if not sys.stdout.isatty():
        text = "\n".join(line.rpartition("\r")[2] for line in text.split("\n"))
    sys.stdout.write(text)
    sys.stdout.flush()


def _nothing(ranks: Sequence[int]) -> str:
    if not ranks:
        return "Nothing that the run has printed was captured."
    return f"This rank has printed nothing; these have: {', '.join(map(str, ranks[:20]))}"


def _described(found: RankCapture) -> dict[str, str]:
    captured = found.captured
    command, host, git = captured.command, captured.host, captured.git
    described = {
        "command": shlex.join(command.arguments),
        "directory": command.directory,
        "python": f"{captured.python.implementation} {captured.python.version}",
        "packages": f"{len(captured.packages)} (see --packages)",
        "host": f"{host.name}, {host.system}",
        "processor": f"{host.processors} x {host.processor or host.machine}",
        "memory": f"{host.memory / 2**30:.1f} GiB",
    }
    if host.gpus:
        described["gpus"] = ", ".join(host.gpus)
    if git is not None:
        changed = f", changed by {git.diff_size:,} bytes (see --diff)" if git.diff_size else ""
        described["commit"] = f"{git.commit}{changed}"
        described["branch"] = git.branch or "none"
        described["repository"] = git.remote or git.root
    if git is not None and git.untracked:
        described["untracked"] = ", ".join(git.untracked)
    return described
