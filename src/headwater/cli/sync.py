"""``headwater sync``: send what could not be sent while it was logged."""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.options import Json
from headwater.cli.progress import progress
from headwater.client.settings import connection_settings
from headwater.client.spool.directory import spools_in
from headwater.client.spool.offline import OfflineDirectory, offline_in
from headwater.client.spool.session import spool_settings
from headwater.client.spool.sync import Synced, size_of, sync_spool
from headwater.errors import ConfigurationError, HeadwaterError

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
    source: Annotated[
        str | None,
        typer.Option(
            "--import",
            help="Instead, copy all of a folder mlruns, an MLflow database or a server.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send what was logged and has not reached its server: exactly once, and resumable.

    A spool that was sent is removed. The exit status is 1 where some of one is left.
    """
    root = directory or spool_settings(os.environ).root
    if directory is not None and not directory.is_dir():
        raise ConfigurationError(f"{directory} is no directory")
    if source is not None:
        _import(source, tracking_uri, root, as_json)
        return
    results = _sync_all(root, tracking_uri, as_json)
    while watch:
        time.sleep(_WATCH_SECONDS)
        results = _sync_all(root, tracking_uri, as_json, again=True)
    if any(result.state in _TROUBLE for result in results):
        raise typer.Exit(1)


def _sync_offline(directory: OfflineDirectory, tracking_uri: str | None, root: Path) -> Synced:
    """Bring what was done without a server to it, and remove the directory."""
    # It takes seconds to load.
    from headwater.mlflow_plugin import import_runs  # noqa: PLC0415

    target = tracking_uri or directory.server or os.environ.get("MLFLOW_TRACKING_URI", "")
    with directory.alone() as alone:
        if not alone:
            return Synced(directory.path, "busy", message="a process works there")
        try:
            connection_settings(target, os.environ)
            result = import_runs.import_runs(
                f"headwater+sqlite:///{directory.database}", target, root, lambda *_: None
            )
        except HeadwaterError as error:
            return Synced(directory.path, "failed", message=str(error))
        if result.failures:
            return Synced(directory.path, "failed", message="; ".join(result.failures))
        directory.remove()
    return Synced(directory.path, "sent", points=result.points, operations=result.runs)


def _import(source: str, tracking_uri: str | None, root: Path, as_json: bool) -> None:
    # It takes seconds to load.
    from headwater.mlflow_plugin import import_runs  # noqa: PLC0415

    target = connection_settings(tracking_uri, os.environ).url
    with progress("importing runs") as bar:
        task = bar.add_task("", total=None)
        result = import_runs.import_runs(
            _source_uri(source),
            tracking_uri or os.environ["MLFLOW_TRACKING_URI"],
            root,
            lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print(json.dumps(asdict(result)))
    else:
        print(
            f"{result.runs:,} runs with {result.points:,} points imported to {target}, "
            f"{result.already:,} were there already; {result.traces:,} traces, {result.models:,} "
            f"registered models with {result.versions:,} versions"
        )
    for failure in result.failures:
        print(f"headwater: error: {failure}", file=sys.stderr)
    if result.failures:
        raise typer.Exit(1)


def _source_uri(source: str) -> str:
    """Return the MLflow URI of a folder, a database file or a URI.

    Raises:
        ConfigurationError: it is none of them.
    """
    if "://" in source or source.startswith("sqlite:"):
        return source
    path = Path(source).absolute()
    if path.is_dir():
        return str(path)
    if path.is_file():
        return f"sqlite:///{path}"
    raise ConfigurationError(f"{source} is no folder, no database and no URI to import from")


def _sync_all(
    root: Path, tracking_uri: str | None, as_json: bool, *, again: bool = False
) -> list[Synced]:
    spools = spools_in(root)
    results = []
    with progress("sending") as bar:
        task = bar.add_task("", total=sum(map(size_of, spools)))
        for spool in spools:
            result = sync_spool(spool, tracking_uri, lambda sent: bar.advance(task, sent))
            results.append(result)
    results += [_sync_offline(each, tracking_uri, root) for each in offline_in(root)]
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
        if result.requests:
            counts += f", {result.requests:,} artifacts and other requests"
        if result.refused:
            counts += f", {result.refused:,} refused (see {result.spool}/refused.jsonl)"
        tail = f": {result.message}" if result.message else ""
        print(f"{result.spool.name}  {result.state}  {counts}{tail}")
