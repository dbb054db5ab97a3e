"""``headwater sync``: send what could not be sent while it was logged."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.options import Json
from headwater.cli.progress import progress
from headwater.client.spool.directory import spools_in
from headwater.client.spool.session import spool_settings
from headwater.client.spool.sync import Synced, sync_spool
from headwater.errors import ConfigurationError

_WATCH_SECONDS = 5.0
_TROUBLE = ("failed", "refused")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("sync")(sync)


def sync(
    directory: Annotated[
        Path | None,
        typer.Argument(
            help="A spool or a directory of them; HEADWATER_SPOOL_DIR or its default otherwise."
        ),
    ] = None,
    tracking_uri: Annotated[
        str | None,
        typer.Option(help="Send to this server instead of the one that each spool names."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    as_json: Json = False,
) -> None:
    """Send what was logged and has not reached its server: exactly once, and resumable.

    A spool that was sent is removed. The exit status is 1 where some of one is left.
    """
    root = directory or spool_settings(os.environ).root
    if directory is not None and not directory.is_dir():
        raise ConfigurationError(f"{directory} is no directory")
    results = _sync_all(root, tracking_uri, as_json)
    while watch:
        time.sleep(_WATCH_SECONDS)
        results = _sync_all(root, tracking_uri, as_json, again=True)
    if any(result.state in _TROUBLE for result in results):
        raise typer.Exit(1)


def _sync_all(
    root: Path, tracking_uri: str | None, as_json: bool, *, again: bool = False
) -> list[Synced]:
    spools = spools_in(root)
    results = []
    with progress("sending") as bar:
        task = bar.add_task("", total=sum(spool.size() for spool in spools))
        for spool in spools:
            result = sync_spool(spool, tracking_uri, lambda sent: bar.advance(task, sent))
            results.append(result)
    if as_json:
        print(json.dumps([asdict(result) for result in results], default=str))
    elif results or not again:
        _print(root, results)
    return results


def _print(root: Path, results: list[Synced]) -> None:
    if not results:
        print(f"nothing to send in {root}")
    for result in results:
        counts = f"{result.points:,} points, {result.operations:,} operations"
        if result.refused:
            counts += f", {result.refused:,} refused (see {result.spool}/refused.jsonl)"
        tail = f": {result.message}" if result.message else ""
        print(f"{result.spool.name}  {result.state}  {counts}{tail}")
