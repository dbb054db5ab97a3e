"""A recipe is what was captured, so put that it works in another place."""

import json
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headwater.client.reproduce.compare import compare
from headwater.client.reproduce.execute import write_recipe
from headwater.client.reproduce.recipe import plan_recipe, recipe_json
from headwater.client.reproduce.steps import (
    in_directory,
    pip_tools,
    plan_steps,
    script,
    uv_tools,
)
from headwater.errors import ConfigurationError, InvalidParameterError
from headwater.wire.capture import Captured, Command, Git, Host, Python

RUN: dict[str, Any] = {
    "info": {"run_id": "a" * 32, "experiment_id": "7", "run_name": "r"},
    "data": {"metrics": [{"key": "loss", "value": 0.5}, {"key": "bad", "value": "NaN"}]},
    "inputs": {"dataset_inputs": [{"dataset": {"name": "iris", "digest": "d"}}]},
}
COMMIT = "0123456789" * 4


def captured(
    arguments: list[str] | None = None,
    directory: str = "/home/ann/project",
    git: Git | None = None,
    packages: list[str] | None = None,
    **variables: str,
) -> Captured:
    given = ["/venv/bin/python", "train.py"] if arguments is None else arguments
    tree = Git(COMMIT, "/home/ann/project", "main", "https://example.com/project.git")
    return Captured(
        Command(given, directory, variables),
        Python("3.11.4", "CPython", given[0] if given else ""),
        Host("node7", "Linux", "x86_64", "Xeon", 8, 2**34),
        packages or [],
        git or tree,
    )


def test_paths_into_the_tree_become_relative_to_where_the_command_starts() -> None:
    recipe = plan_recipe(
        RUN,
        captured(
            ["python", "-u", "/home/ann/project/jobs/train.py", "--data", "/data/x", "--lr=1"],
            "/home/ann/project/jobs/deep",
        ),
        None,
    )
    assert recipe.directory == "jobs/deep"
    assert list(recipe.command) == ["-u", "../train.py", "--data", "/data/x", "--lr=1"]
    at_root = plan_recipe(RUN, captured(["python", "/home/ann/project/train.py"]), None)
    assert (at_root.directory, list(at_root.command)) == (".", ["train.py"])
    assert at_root.repository == "https://example.com/project.git"
    assert at_root.metrics["loss"] == 0.5
    assert at_root.metrics["bad"] != at_root.metrics["bad"]


def test_packages_of_the_tree_are_those_of_the_checkout_and_odd_lines_are_no_packages() -> None:
    recipe = plan_recipe(
        RUN,
        captured(
            packages=[
                "numpy==2.1.0",
                "torch==2.3.0+cu121",
                "-e file:///home/ann/project",
                "lib @ file:///home/ann/project/lib",
                "other @ file:///home/ann/other",
                "x @ git+https://example.com/x.git@abc",
                "--index-url https://evil.example.com",
                "a==1; touch x",
            ]
        ),
        b"patch",
    )
    assert list(recipe.requirements) == [
        "numpy==2.1.0",
        "torch==2.3.0+cu121",
        "-e ./source",
        "-e ./source/lib",
        "other @ file:///home/ann/other",
        "x @ git+https://example.com/x.git@abc",
    ]
    doubts = "\n".join(recipe.doubts)
    for named in ("/home/ann/other", "--index-url", "a==1; touch x"):
        assert named in doubts


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (captured(["python", "train.py", "--token", "***"]), {}, "--command"),
        (captured([]), {}, "--command"),
        (captured(git=Git("HEAD", "/x", remote="r")), {}, "no commit"),
        (captured(git=Git(COMMIT, "/nowhere")), {}, "--source"),
    ],
)
def test_what_is_not_enough_is_told(given: Captured, options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidParameterError, match=message):
        plan_recipe(RUN, given, None, **options)


def test_a_command_and_a_repository_may_be_given_instead() -> None:
    given = captured(["python", "train.py", "--token", "***"], git=Git(COMMIT, "/nowhere"))
    recipe = plan_recipe(
        RUN, given, None, repository="/srv/x.git", command="torchrun --nproc-per-node 2 'a b.py'"
    )
    assert recipe.repository == "/srv/x.git"
    assert list(recipe.command) == ["torchrun", "--nproc-per-node", "2", "a b.py"]
    last = plan_steps(recipe, None, "/venv/bin/python", {})[-1]
    assert last.command[0] == "torchrun"


def test_doubts_are_told() -> None:
    git = Git(COMMIT, "/home/ann/project", remote="r", diff_size=5_000_000, untracked=["data.csv"])
    doubts = "\n".join(plan_recipe(RUN, captured(directory="/tmp", git=git), None).doubts)
    for named in ("5,000,000 bytes", "data.csv", "/tmp"):
        assert named in doubts


def test_steps_check_out_install_and_run() -> None:
    recipe = plan_recipe(RUN, captured(["python", "train.py"], PYTHONHASHSEED="3"), b"patch")
    steps = plan_steps(recipe, uv_tools(["uv"], "3.11.4"), "", {"MLFLOW_TRACKING_URI": "http://h"})
    assert [step.command[0] for step in steps[:-1]] == ["git", "git", "git", "uv", "uv"]
    command, directory = in_directory(steps[-1], "/work")
    assert command == ["/work/environment/bin/python", "train.py"]
    assert directory == "/work/source"
    assert steps[-1].variables == {
        "PYTHONHASHSEED": "3",
        "MLFLOW_TRACKING_URI": "http://h",
        "HEADWATER_REPRODUCES": "a" * 32,
        "MLFLOW_EXPERIMENT_ID": "7",
    }
    clean = plan_recipe(RUN, captured(), b"")
    titles = [step.title for step in plan_steps(clean, None, "python", {})]
    assert titles == [
        "clone https://example.com/project.git",
        "check out 012345678901",
        "run train.py",
    ]


def test_the_script_quotes_what_the_run_says(tmp_path: Path) -> None:
    here = tmp_path / "it's here"
    here.mkdir()
    odd = "$(touch x) 'quoted'; \"y\""
    recipe = plan_recipe(RUN, captured(["python", "-c", "import sys; print(sys.argv)", odd]), b"")
    text = script(plan_steps(recipe, pip_tools("python3", ["true"]), "", {"ODD": odd})[-1:])
    (here / "source").mkdir()
    (here / "environment" / "bin").mkdir(parents=True)
    program = here / "environment" / "bin" / "python"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$ODD" "$PWD"\n')
    program.chmod(0o755)
    (here / "run.sh").write_text(text)
    done = subprocess.run(["sh", here / "run.sh"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "-c",
        "import sys; print(sys.argv)",
        odd,
        odd,
        str(here / "source"),
    ]
    assert not (here / "source" / "x").exists()


def test_a_recipe_is_written_once(tmp_path: Path) -> None:
    recipe = plan_recipe(RUN, captured(packages=["numpy==2.1.0"]), b"\xff patch")
    directory = tmp_path / "recipe"
    write_recipe(recipe, directory, {})
    assert {path.name for path in directory.iterdir()} == {
        "recipe.json",
        "changes.patch",
        "requirements.txt",
        "run.sh",
    }
    assert (directory / "changes.patch").read_bytes() == b"\xff patch"
    assert (directory / "requirements.txt").read_text() == "numpy==2.1.0\n"
    described = json.loads((directory / "recipe.json").read_bytes())
    assert described["commit"] == COMMIT
    assert described["inputs"][0]["dataset"]["name"] == "iris"
    assert msgspec.json.decode(recipe_json(recipe)) == described
    with pytest.raises(ConfigurationError, match="--output"):
        write_recipe(recipe, directory, {})


def test_metrics_are_compared_by_their_relative_difference() -> None:
    nan = float("nan")
    original = {"loss": 1.0, "acc": 0.9, "gone": 1.0, "nan": nan, "zero": 0.0, "system/cpu": 3.0}
    again = {"loss": 1.0005, "acc": 0.8, "nan": nan, "zero": 0.0, "new": 1.0, "system/cpu": 9.0}
    found = {each.key: each for each in compare(original, again, 0.001)}
    assert {key: each.is_same for key, each in found.items()} == {
        "acc": False,
        "gone": False,
        "loss": True,
        "nan": True,
        "zero": True,
    }
    assert found["acc"].difference == pytest.approx(-1 / 9)
    assert (found["gone"].again, found["zero"].difference) == (None, None)
    assert [each.is_same for each in compare(original, again, 0.2, ["acc", "unknown"])] == [
        True,
        False,
    ]
