"""Runs modules that import what this process must not: MLflow and alembic."""

import os
import re
import subprocess
import sys
import tempfile

from headwater.errors import SchemaError
from headwater.storage.metadata.orphan import WITH_PARENT


def run_module(module: str, name: str, *arguments: str, **variables: str) -> None:
    """Run ``python -m module arguments`` to its end; it ends when this process is killed, too.

    `variables` are added to its environment, where other users do not see them.

    Raises:
        SchemaError: it failed; the message says that the database `name` could not be prepared.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "_MLFLOW_"))
    }
    environment |= {"MLFLOW_DISABLE_TELEMETRY": "true", **variables}
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments, WITH_PARENT]
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(  # noqa: S603  # our own interpreter and module
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                status = process.wait()
            except BaseException:
                process.kill()
                raise
        if status != 0:
            output.seek(0)
            reason = _reason(output.read().decode(errors="replace")) or f"exit status {status}"
            raise SchemaError(f"{name} cannot be brought up to date: {reason}")


def _reason(output: str) -> str:
    """Return the line of a traceback that names the exception, else the last line."""
    lines = output.strip().splitlines()
    named = [line for line in lines if re.match(r"[\w.]+: ", line)]
    return (named or lines or [""])[-1]
