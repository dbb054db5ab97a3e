"""Runs commands in this process, against a server of the session."""

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from headwater.cli.main import main


@dataclass(frozen=True)
class Done:
    """What a command has come to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def csv(self) -> list[dict[str, str]]:
        assert self.status == 0, self.err
        return list(csv.DictReader(io.StringIO(self.out)))

    @property
    def lines(self) -> list[str]:
        """The output without what pads its lines."""
        assert self.status == 0, self.err
        return [line.rstrip() for line in self.out.splitlines()]


Command = Callable[..., Done]


def command_on(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs ``headwater`` with its arguments on the server at `url`."""
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("TZ", "UTC")

    def command(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["headwater", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as raised:
            main()
        code, captured = raised.value.code, capsys.readouterr()
        if isinstance(code, str):
            return Done(1, captured.out, f"{captured.err}{code}\n")
        return Done(code or 0, captured.out, captured.err)

    return command
