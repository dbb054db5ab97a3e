import sys
from pathlib import Path

import pytest

import headwater
from headwater.cli import main as module
from headwater.cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """Run the command line and return what it exits with."""
    monkeypatch.setattr(sys, "argv", ["headwater", *arguments])
    with pytest.raises(SystemExit) as raised:
        main()
    return raised.value.code


def test_prints_the_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"headwater {headwater.__version__}\n"


def test_lists_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--help") == 0
    out = capsys.readouterr().out
    assert all(name in out for name in module._COMMANDS)


@pytest.mark.parametrize("arguments", [("nonsense",), ("server", "--nonsense"), ("--nonsense",)])
def test_misuse_is_status_2(monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    assert run(monkeypatch, *arguments) == 2


def test_reads_an_environment_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("MLFLOW_BACKEND_STORE_URI=mysql://h/db\nMLFLOW_PORT=0\n")
    monkeypatch.setenv("MLFLOW_PORT", "1")  # already set: wins, and is undone after the test
    monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", "undone after the test")
    monkeypatch.delenv("MLFLOW_BACKEND_STORE_URI")
    code = run(monkeypatch, "--env-file", str(file), "server")
    assert "mysql://h/db" in str(code)
