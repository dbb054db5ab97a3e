"""The commands that do a run again: the same for a person to read, and to be carried out."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from headwater.client.reproduce.recipe import SOURCE, Recipe
from headwater.entities import reproduction

PATCH = "changes.patch"
REQUIREMENTS = "requirements.txt"
HERE = "{here}"
"""Stands in words for the absolute path of the recipe's directory."""

_ENVIRONMENT = "environment"
_INTERPRETER = f"{HERE}/{_ENVIRONMENT}/bin/python"


@dataclass(frozen=True, slots=True)
class Tools:
    """The commands that make a virtual environment and install the packages."""

    make: Sequence[str]
    install: Sequence[str]


@dataclass(frozen=True, slots=True)
class Step:
    """One command."""

    title: str
    command: Sequence[str]
    directory: str = "."
    """Relative to the recipe's, or absolute."""

    variables: Mapping[str, str] = field(default_factory=dict)


def uv_tools(uv: Sequence[str], version: str) -> Tools:
    """Return the commands of uv, which fetches the interpreter as well where it is missing."""
    install = ("pip", "install", "--python", _INTERPRETER, "--no-deps", "-r", REQUIREMENTS)
    return Tools((*uv, "venv", "--python", version, _ENVIRONMENT), (*uv, *install))


def pip_tools(python: str, pip: Sequence[str]) -> Tools:
    """Return the commands of an interpreter of the same version, and of any pip."""
    install = ("--python", _INTERPRETER, "install", "--no-deps", "-r", REQUIREMENTS)
    return Tools((python, "-m", "venv", "--without-pip", _ENVIRONMENT), (*pip, *install))


def tools_of_script(version: str) -> Tools:
    """Return the commands that a person is shown for a version such as 3.11.4."""
    python = f"python{'.'.join(version.split('.')[:2])}"
    return pip_tools(python, (python, "-m", "pip"))


def plan_steps(
    recipe: Recipe, tools: Tools | None, interpreter: str, variables: Mapping[str, str]
) -> list[Step]:
    """Return the commands, to be carried out in the recipe's directory.

    Without `tools` it is `interpreter`, with the packages that it has. `variables` are set beside
    those of the recipe.
    """
    steps = _checkout(recipe) if recipe.repository else []
    if tools is not None:
        interpreter = _INTERPRETER
        steps += [
            Step(f"make an environment of Python {recipe.python}", tools.make),
            Step(f"install {len(recipe.requirements)} packages", tools.install),
        ]
    command = recipe.command if recipe.is_program else (interpreter, *recipe.command)
    directory = f"{SOURCE}/{recipe.directory}" if recipe.repository else recipe.directory
    known = {
        reproduction.VARIABLE: recipe.run_id,
        "MLFLOW_EXPERIMENT_ID": recipe.experiment_id,
    }
    told = {**recipe.variables, **variables, **known}
    return [*steps, Step(f"run {shlex.join(recipe.command)}", command, directory, told)]


def script(steps: Sequence[Step]) -> str:
    """Return the steps as a shell script that stands in the recipe's directory."""
    lines = [
        "#!/bin/sh",
        "set -eu",
        'here=$(cd "$(dirname "$0")" && pwd)',
        f'PATH="$here/{_ENVIRONMENT}/bin:$PATH"',
    ]
    for step in steps:
        lines += ["", f"# {step.title}", f"cd {_in_script(_absolute(step.directory, HERE))}"]
        lines += [f"export {name}={shlex.quote(text)}" for name, text in step.variables.items()]
        lines.append(" ".join(_in_script(word) for word in step.command))
    return "\n".join([*lines, ""])


def in_directory(step: Step, here: str) -> tuple[list[str], str]:
    """Return a step's command and absolute directory, in a recipe's directory."""
    command = [word.replace(HERE, here) for word in step.command]
    return command, _absolute(step.directory, here)


def path_variable(here: str, path: str) -> str:
    """Return PATH with the programs of the recipe's environment before others."""
    return f"{here}/{_ENVIRONMENT}/bin:{path}"


def _absolute(directory: str, here: str) -> str:
    return str(PurePosixPath(here, directory))


def _checkout(recipe: Recipe) -> list[Step]:
    never = ("-c", "protocol.ext.allow=never")  # a URL of that kind is a command
    clone = ("git", *never, "clone", "--quiet", "--no-checkout", "--", recipe.repository, SOURCE)
    steps = [
        Step(f"clone {recipe.repository}", clone),
        Step(
            f"check out {recipe.commit[:12]}",
            ("git", "-C", SOURCE, "checkout", "--quiet", "--detach", recipe.commit),
        ),
    ]
    if recipe.patch:
        apply = ("git", "-C", SOURCE, "apply", "--whitespace=nowarn", f"{HERE}/{PATCH}")
        steps.append(Step("apply what had been changed", apply))
    return steps


def _in_script(word: str) -> str:
    if word.startswith(HERE):
        rest = word.removeprefix(HERE)
        return '"$here"' + (shlex.quote(rest) if rest else "")
    return shlex.quote(word)
