"""The ``headwater`` command: one subcommand a noun."""

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer
from dotenv import load_dotenv

import headwater
from headwater.errors import HeadwaterError

_COMMANDS = {
    "artifacts": "headwater.cli.artifacts",
    "check": "headwater.cli.check",
    "compact": "headwater.cli.compact",
    "compare": "headwater.cli.compare",
    "delete-metrics": "headwater.cli.delete_metrics",
    "demo": "headwater.cli.demo",
    "doctor": "headwater.cli.doctor",
    "experiments": "headwater.cli.experiments",
    "export-metrics": "headwater.cli.export_metrics",
    "gc": "headwater.cli.gc",
    "migrate": "headwater.cli.migrate",
    "models": "headwater.cli.models",
    "params": "headwater.cli.params",
    "projects": "headwater.cli.projects",
    "reproduce": "headwater.cli.reproduce",
    "rewind": "headwater.cli.rewind",
    "runs": "headwater.cli.runs",
    "searches": "headwater.cli.searches",
    "server": "headwater.cli.server",
    "sync": "headwater.cli.sync",
}
"""Subcommand -> module with a function `register(app)`; only the wanted one is imported."""


def main() -> None:
    """Run the command line; errors are one line on standard error and exit status 1."""
    app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
    app.callback()(_options)
    wanted = [_COMMANDS[word] for word in sys.argv[1:] if word in _COMMANDS]
    for module in wanted[:1] or _COMMANDS.values():
        importlib.import_module(module).register(app)
    try:
        app()
    except HeadwaterError as error:
        sys.exit(f"headwater: error: {error}")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"headwater {headwater.__version__}")
        raise typer.Exit


def _load_environment(file: Path | None) -> None:
    if file is not None:
        load_dotenv(file, override=False)


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    env_file: Annotated[
        Path | None,
        typer.Option(
            callback=_load_environment,
            exists=True,
            dir_okay=False,
            help="Load environment variables from this file; those already set win.",
        ),
    ] = None,
) -> None:
    """Headwater: MLflow made fast."""
