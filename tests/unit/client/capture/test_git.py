"""A working tree is told so well that it can be made again, and nothing of it is run."""

import os
import subprocess
from pathlib import Path

import pytest

from headwater.client.capture.git import read_working_tree, without_credentials
from headwater.wire.operations import LARGEST_DIFF


def git(directory: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=ann", "-c", "user.email=ann@example.com", *arguments],
        cwd=directory,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one commit."""
    root = tmp_path / "project"
    (root / "package").mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch", "main")
    (root / "train.py").write_text("print(1)\n")
    (root / "package" / "grüße.py").write_bytes("# Grüße in Latin-1\n".encode("latin-1"))
    (root / "weights.bin").write_bytes(bytes(range(256)))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def files(root: Path) -> dict[str, bytes]:
    found = [path for path in root.rglob("*") if ".git" not in path.parts and path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def test_a_clean_tree_is_its_commit(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://ann:secret@example.com/project.git")
    tree = read_working_tree(repository / "package")
    assert tree is not None
    assert tree.diff == b""
    assert tree.git.commit == git(repository, "rev-parse", "HEAD")
    assert (tree.git.root, tree.git.branch) == (str(repository), "main")
    assert tree.git.remote == "https://example.com/project.git"
    assert not tree.git.is_dirty


def test_the_difference_makes_the_same_tree_from_the_commit(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "train.py").write_text("print(2)\n")
    (repository / "package" / "grüße.py").write_bytes("# Grüße anders\n".encode("latin-1"))
    (repository / "weights.bin").write_bytes(bytes(range(255, -1, -1)))
    (repository / "package" / "a new one.py").write_text("x = 1\n")
    (repository / "package" / "empty.py").write_text("")
    (repository / "staged.txt").write_text("staged")
    git(repository, "add", "staged.txt")
    (repository / "data.csv").write_text("left out")
    (repository / ".gitignore").write_text("*.log\n")
    (repository / "some.log").write_text("ignored")
    before = git(repository, "status", "--porcelain")
    tree = read_working_tree(repository)
    assert tree is not None
    assert git(repository, "status", "--porcelain") == before
    assert tree.git.is_dirty
    assert tree.git.untracked == [".gitignore", "data.csv"]
    assert tree.diff is not None
    assert tree.git.diff_size == len(tree.diff)
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(repository), str(copy))
    (tmp_path / "patch").write_bytes(tree.diff)
    git(copy, "apply", "--whitespace=nowarn", str(tmp_path / "patch"))
    expected = files(repository)
    for name in (".gitignore", "data.csv", "some.log"):
        del expected[name]
    assert files(copy) == expected


def test_a_difference_that_is_too_large_is_only_measured(repository: Path) -> None:
    (repository / "train.py").write_text("#" * LARGEST_DIFF)
    tree = read_working_tree(repository)
    assert tree is not None
    assert tree.diff is None
    assert tree.git.diff_size > LARGEST_DIFF


def test_without_a_repository_or_a_commit_there_is_nothing_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_working_tree(tmp_path) is None
    git(tmp_path, "init", "--quiet")
    assert read_working_tree(tmp_path) is None
    assert read_working_tree(tmp_path / "missing") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_working_tree(Path(__file__).parent) is None


def test_a_detached_head_has_no_branch(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "--detach")
    tree = read_working_tree(repository)
    assert tree is not None
    assert (tree.git.branch, tree.git.remote) == ("", "")


def test_nothing_that_the_repository_names_is_run(repository: Path, tmp_path: Path) -> None:
    mark = tmp_path / "was run"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch '{mark}'\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "diff.odd.textconv", "diff.odd.command"):
        git(repository, "config", name, str(program))
    (repository / ".gitattributes").write_text("*.py diff=odd\n")
    (repository / "train.py").write_text("print(3)\n")
    tree = read_working_tree(repository)
    assert tree is not None
    assert tree.diff
    assert not mark.exists()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:pw@example.com:8443/x.git", "https://example.com:8443/x.git"),
        ("https://token@example.com/x.git", "https://example.com/x.git"),
        ("ssh://git@example.com/x.git", "ssh://git@example.com/x.git"),
        ("git@example.com:x.git", "git@example.com:x.git"),
        ("/srv/x.git", "/srv/x.git"),
        ("", ""),
    ],
)
def test_credentials_of_a_remote_are_left_out(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_names_that_are_no_unicode_are_told_as_far_as_they_can_be(repository: Path) -> None:
    odd = os.fsencode(repository) + b"/\xff.txt"
    Path(os.fsdecode(odd)).write_text("x")
    tree = read_working_tree(repository)
    assert tree is not None
    assert tree.git.untracked == ["?.txt"]
