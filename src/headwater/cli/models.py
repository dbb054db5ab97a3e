"""``headwater models``: bring models to where they are served."""

import importlib
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from headwater.cli import table
from headwater.cli.options import Json, TrackingUri

_MODULE = "headwater.mlflow_plugin.prefetch_models"
"""Loaded on demand: it imports MLflow, which takes a second or more."""


def register(app: typer.Typer) -> None:
    """Add the subcommands."""
    models = typer.Typer(no_args_is_help=True, help="Bring models to where they are served.")
    models.callback()(_models)
    models.command("prefetch")(prefetch)
    app.add_typer(models, name="models")


def _models() -> None:
    """Bring models to where they are served."""


def prefetch(
    uris: Annotated[
        list[str],
        typer.Argument(
            metavar="URI...", help="Models, such as models:/name@champion, or artifacts."
        ),
    ],
    tracking_uri: TrackingUri = None,
    json_output: Json = False,
) -> None:
    """Download models into this user's cache, so that they load without a download later.

    Exits with 1 if one cannot be had, after the others.
    """
    done: list[dict[str, Any]] = []
    failed = False
    for found in importlib.import_module(_MODULE).prefetch_each(uris, tracking_uri):
        if found.fault is not None:
            failed = True
            table.note(f"headwater: error: {found.uri}: {found.fault}")
        done.append(asdict(found))
        if not json_output and found.fault is None:
            files = table.counted(found.files, "file")
            print(
                f"{found.uri}: {files}, {found.size:,} bytes, of which {found.fetched:,} came now"
            )
    if json_output:
        table.print_json(done)
    if failed:
        sys.exit(1)
