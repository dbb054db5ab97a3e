"""What it takes to do a run again, from what the run has captured."""

import posixpath
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from headwater.errors import InvalidParameterError
from headwater.wire.capture import Captured, Git

SOURCE = "source"
"""Directory of the checkout, in that of the recipe."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+")
_DIRECT = re.compile(r"(-e |[A-Za-z0-9][A-Za-z0-9._-]* @ )(?P<url>[a-z+]+://\S+)")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to do a run again."""

    run_id: str
    experiment_id: str
    repository: str
    """URL or path to clone; empty where the program was in no repository."""

    commit: str
    patch: bytes
    """What to apply to the commit."""

    python: str
    """Version of the interpreter."""

    requirements: Sequence[str]
    """Lines that install every package as it was, without looking for dependencies."""

    directory: str
    """Where to start the command: relative to the checkout, or absolute where there is none."""

    command: Sequence[str]
    """What follows the interpreter; or all of it where it was given in place of the captured."""

    is_program: bool
    """Whether `command` names its own program instead of following the interpreter."""

    variables: Mapping[str, str]
    inputs: Sequence[Mapping[str, Any]]
    """MLflow's dataset inputs of the run."""

    metrics: Mapping[str, float]
    """Latest values of the run's metrics."""

    doubts: Sequence[str]
    """Why it may not come out the same."""


def plan_recipe(
    run: Mapping[str, Any],
    captured: Captured,
    diff: bytes | None,
    *,
    repository: str | None = None,
    command: str | None = None,
) -> Recipe:
    """Return how to do a run again; `run` is MLflow's message of it.

    `repository` is to be cloned instead of the one that the run names, and `command` to be run.

    Raises:
        InvalidParameterError: what was captured is not enough, and what would be.
    """
    git = captured.git
    given = shlex.split(command) if command else None
    if git is not None and not _COMMIT.fullmatch(git.commit):
        raise InvalidParameterError(f"the run names no commit but {git.commit[:80]!r}")
    requirements, odd = _requirements(captured.packages, git)
    doubts = [*_doubts(captured, diff), *odd]
    return Recipe(
        run_id=run["info"]["run_id"],
        experiment_id=run["info"]["experiment_id"],
        repository=_repository(git, repository),
        commit=git.commit if git else "",
        patch=diff or b"",
        python=captured.python.version,
        requirements=requirements,
        directory=_directory(captured),
        command=given or _arguments(captured),
        is_program=given is not None,
        variables={
            name: value
            for name, value in captured.command.variables.items()
            if _VARIABLE.fullmatch(name)
        },
        inputs=run.get("inputs", {}).get("dataset_inputs", []),
        metrics={each["key"]: float(each["value"]) for each in run["data"].get("metrics", ())},
        doubts=doubts,
    )


def recipe_json(recipe: Recipe) -> bytes:
    """Return the recipe as a JSON object; the patch is a file of its own."""
    fields = {
        name: getattr(recipe, name) for name in Recipe.__dataclass_fields__ if name != "patch"
    }
    return msgspec.json.format(msgspec.json.encode({**fields, "patch": "changes.patch"}))


def _repository(git: Git | None, named: str | None) -> str:
    if git is None:
        return ""
    if named:
        return named
    if Path(git.root).joinpath(".git").exists():  # this is the machine that it ran on
        return git.root
    if not git.remote:
        raise InvalidParameterError(
            f"the working tree {git.root} on another machine has no remote; name a repository that "
            f"has the commit {git.commit} with --source"
        )
    return git.remote


def _directory(captured: Captured) -> str:
    directory = captured.command.directory
    if captured.git is None:
        return directory
    try:
        return str(PurePosixPath(directory).relative_to(captured.git.root))
    except ValueError:
        return "."


def _arguments(captured: Captured) -> list[str]:
    """Return what follows the interpreter, with paths into the tree relative to the directory."""
    arguments = captured.command.arguments[1:]
    if not arguments:
        raise InvalidParameterError(
            "the run was started from a prompt or a notebook; say with --command what to run"
        )
    if any(_HIDDEN in argument for argument in arguments):
        raise InvalidParameterError(
            "the command line held a secret, which was not kept; give all of it with --command: "
            + shlex.join(arguments)
        )
    if captured.git is None:
        return list(arguments)
    root = captured.git.root
    start = str(PurePosixPath(root, _directory(captured)))
    return [
        posixpath.relpath(argument, start) if argument.startswith(f"{root}/") else argument
        for argument in arguments
    ]


def _requirements(packages: Sequence[str], git: Git | None) -> tuple[list[str], list[str]]:
    """Return the lines that install the packages, and doubts about others."""
    lines, doubts = [], []
    for line in packages:
        direct = _DIRECT.fullmatch(line)
        if direct is None:
            if _PINNED.fullmatch(line):
                lines.append(line)
            else:
                doubts.append(f"the package {line[:200]!r} cannot be installed again")
            continue
        path = direct["url"].removeprefix("file://")
        if git is not None and (path == git.root or path.startswith(f"{git.root}/")):
            lines.append(f"-e ./{SOURCE}{path.removeprefix(git.root)}")
            continue
        lines.append(line)
        if direct["url"].startswith("file://"):
            doubts.append(f"a package comes from {path}, which may differ here, or be missing")
    return lines, doubts


def _doubts(captured: Captured, diff: bytes | None) -> list[str]:
    git = captured.git
    if git is None:
        return ["the program was in no git repository; the files that are there now are used"]
    doubts = []
    if diff is None and git.diff_size:
        doubts.append(
            f"the working tree differed from the commit by {git.diff_size:,} bytes, which was too "
            "much to keep"
        )
    if git.untracked:
        doubts.append(f"git did not know these files: {', '.join(git.untracked[:10])}")
    try:
        PurePosixPath(captured.command.directory).relative_to(git.root)
    except ValueError:
        doubts.append(
            f"the program was started in {captured.command.directory}, outside its repository"
        )
    return doubts
