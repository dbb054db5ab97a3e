"""Writes a recipe to a directory, and carries it out there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from headwater.client.reproduce.recipe import Recipe, recipe_json
from headwater.client.reproduce.steps import (
    PATCH,
    REQUIREMENTS,
    Step,
    Tools,
    in_directory,
    path_variable,
    pip_tools,
    plan_steps,
    script,
    tools_of_script,
    uv_tools,
)
from headwater.errors import ConfigurationError, ReproductionError

_STANDARD_ERROR = 2
_QUOTED = 2_000
"""Characters of what a command has said last."""


def write_recipe(recipe: Recipe, directory: Path, variables: Mapping[str, str]) -> None:
    """Write the recipe: its description, patch, requirements, and a script that carries it out.

    Raises:
        ConfigurationError: the directory has something in it already, or cannot be written.
    """
    steps = plan_steps(recipe, tools_of_script(recipe.python), "", variables)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise ConfigurationError(f"{directory} is not empty; name another with --output")
        (directory / "recipe.json").write_bytes(recipe_json(recipe) + b"\n")
        (directory / PATCH).write_bytes(recipe.patch)
        lines = [*recipe.requirements, ""]
        (directory / REQUIREMENTS).write_text("\n".join(lines), encoding="utf-8")
        (directory / "run.sh").write_text(script(steps), encoding="utf-8")
        (directory / "run.sh").chmod(0o755)
    except OSError as error:
        raise ConfigurationError(f"the recipe cannot be written: {error}") from error


def find_tools(version: str) -> Tools:
    """Return what makes an environment of a Python version here.

    Raises:
        ConfigurationError: there is neither uv, nor such an interpreter with some pip.
    """
    for uv in ([shutil.which("uv") or "uv"], [sys.executable, "-m", "uv"]):
        if _works([*uv, "--version"]):
            return uv_tools(uv, version)
    minor = ".".join(version.split(".")[:2])
    base = getattr(sys, "_base_executable", sys.executable)
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    python = base if own == minor else shutil.which(f"python{minor}")
    for interpreter in (python, sys.executable, base):
        pip = [str(interpreter), "-m", "pip", "--disable-pip-version-check"]
        if python and interpreter and _works([*pip, "--version"]):
            return pip_tools(python, pip)
    raise ConfigurationError(
        f"an environment of Python {version} cannot be made here: install uv, or Python {minor} "
        "with pip; or use the packages that are installed, with --current-environment"
    )


def execute(step: Step, directory: Path, *, is_shown: bool) -> None:
    """Carry out one step in the directory of a recipe.

    What it prints goes to standard error where `is_shown`.

    Raises:
        ReproductionError: it failed; says what it printed last.
    """
    here = str(directory.absolute())
    command, where = in_directory(step, here)
    path = path_variable(here, os.environ.get("PATH", os.defpath))
    environment = {**os.environ, "PATH": path, **step.variables}
    # The environment of this command is not the one that its steps are to use.
    environment.pop("VIRTUAL_ENV", None)
    try:
        done = subprocess.run(  # noqa: S603  # somebody has asked to run just this
            command,
            cwd=where,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=_STANDARD_ERROR if is_shown else subprocess.PIPE,
            stderr=None if is_shown else subprocess.STDOUT,
            check=False,
        )
    except OSError as error:
        raise ReproductionError(f"could not {step.title}: {error}") from error
    if done.returncode:
        said = "" if is_shown else done.stdout.decode(errors="replace").strip()[-_QUOTED:]
        ending = f":\n{said}" if said else ""
        raise ReproductionError(f"could not {step.title} (exit status {done.returncode}){ending}")


def _works(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603  # known programs
    except OSError:
        return False
