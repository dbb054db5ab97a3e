"""What a process tells of its command line, packages and machine."""

import importlib.metadata
import json
import os
import re
import sys
from pathlib import Path

import pytest

from headwater.client.capture import environment


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["--lr", "0.1", "--max-tokens=512"], ["--lr", "0.1", "--max-tokens=512"]),
        (["--tokenizer", "bert", "--key", "x"], ["--tokenizer", "bert", "--key", "x"]),
        (["--api-key", "abc", "next"], ["--api-key", "***", "next"]),
        (["--api_key=abc"], ["--api_key=***"]),
        (["--password", "--verbose"], ["--password", "--verbose"]),
        (["logger.token=abc", "model.dim=3"], ["logger.token=***", "model.dim=3"]),
        (["--aws-secret-access-key", "abc"], ["--aws-secret-access-key", "***"]),
        (["s3://key:pw@host/x"], ["s3://***@host/x"]),
        (["a=b@c"], ["a=b@c"]),
    ],
)
def test_secrets_of_a_command_line_are_left_out(given: list[str], shown: list[str]) -> None:
    assert environment.without_secrets(given) == shown


def test_only_variables_that_have_a_say_in_results_are_told() -> None:
    told = environment.command_line({"PYTHONHASHSEED": "1", "AWS_SECRET_ACCESS_KEY": "x"})
    assert told.variables == {"PYTHONHASHSEED": "1"}
    assert told.directory == str(Path.cwd())
    assert len(told.arguments) == len(sys.orig_argv)


def test_every_installed_package_is_told_with_its_version() -> None:
    lines = environment.packages(sys.path)
    assert lines == sorted(set(lines), key=lambda line: lines.index(line))
    pinned = dict(line.split("==") for line in lines if "==" in line)
    for found in importlib.metadata.distributions():
        name = re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower()
        if name != "headwater":
            assert pinned[name] == importlib.metadata.version(name)
    [own] = [line for line in lines if "headwater" in line or line.startswith("-e ")]
    assert own.startswith("-e file:///")


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, "some-thing==1.2"),
        (
            {
                "url": "https://ann:pw@example.com/x.git",
                "vcs_info": {"vcs": "git", "commit_id": "abc"},
            },
            "some-thing @ git+https://example.com/x.git@abc",
        ),
        (
            {"url": "https://example.com/x.whl", "archive_info": {}},
            "some-thing @ https://example.com/x.whl",
        ),
        (
            {"url": "file:///x", "dir_info": {}, "subdirectory": "sub"},
            "some-thing @ file:///x#subdirectory=sub",
        ),
        ({"url": "file:///x", "dir_info": {"editable": True}}, "-e file:///x"),
        ({"no": "url"}, "some-thing==1.2"),
        ([], "some-thing==1.2"),
    ],
)
def test_packages_of_other_origins_are_told_by_them(
    tmp_path: Path, origin: object, line: str
) -> None:
    directory = tmp_path / "Some_Thing-1.2.dist-info"
    directory.mkdir()
    if origin is not None:
        (directory / "direct_url.json").write_text(json.dumps(origin))
    (tmp_path / "old-2.0-py3.11.egg-info").touch()
    (tmp_path / "nameless.egg-info").touch()
    assert environment.packages([str(tmp_path), str(tmp_path / "missing")]) == sorted(
        ["old==2.0", line], key=lambda each: each.startswith(("some", "-e"))
    )


def test_the_machine_is_told() -> None:
    host = environment.host()
    assert host.processors == len(os.sched_getaffinity(0))
    assert host.memory > 2**28
    assert host.name
    assert environment.interpreter().version == sys.version.split()[0]
