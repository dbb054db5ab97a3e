"""``headwater demo``: real models on real data, logged with the stock MLflow client."""

import os
import sys

import typer


def register(app: typer.Typer) -> None:
    """Add the subcommand, which passes all its options on."""
    passed_on = {
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
    app.command("demo", context_settings=passed_on)(demo)


def demo(context: typer.Context) -> None:
    """Train real models against a server of its own, then keep it running to browse them."""
    # Another program, since it imports MLflow, which this one never does.
    os.execv(sys.executable, [sys.executable, "-m", "headwater.demo", *context.args])  # noqa: S606
