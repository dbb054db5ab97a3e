"""The command line of `python -m benchmarks`."""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.contenders import MLFLOW, beside_python

Side = Literal["stock", "peer", "headwater"]


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    quick: bool
    rounds: int | None
    verbs: list[str] | None
    """None: all."""

    only: list[Side] | None
    """None: all."""

    json: Path | None
    markdown: Path | None
    plot: Path | None
    check: bool
    dir: Path | None
    kept_template: Path | None
    template_to_keep: Path | None
    mlflow: Path
    headwater: Path
    fasttrackml: Path | None
    postgres: bool

    def template(self, name: str) -> Path | None:
        """Return the database of an earlier run to start from, where there is one."""
        return self.kept_template if name == MLFLOW else None

    def keep_template(self, name: str, template: str) -> None:
        """Copy a new template to where it was asked for."""
        if name == MLFLOW and self.template_to_keep:
            shutil.copyfile(template, self.template_to_keep)


def parse(arguments: Sequence[str] | None, verbs: Sequence[str]) -> Options:
    """Return the options, or exit with a message."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure Headwater beside others."
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="small amounts, one round: does everything run?")
    add("--rounds", type=int, help="rounds per verb")
    add(
        "--verb",
        dest="verbs",
        action="append",
        choices=verbs,
        help="measure only this verb; may be repeated",
    )
    add(
        "--only",
        action="append",
        choices=["stock", "peer", "headwater"],
        help="leave the others out; may be repeated",
    )
    add("--json", type=Path, help="write all samples to this file")
    add("--markdown", type=Path, help="put the tables between the result marks of this file")
    add("--plot", type=Path, help="draw the curves of stored_points into this SVG file")
    add("--check", action="store_true", help="exit with 1 if a floor is missed")
    add("--dir", type=Path, help="where to put databases (default: the temporary directory)")
    add(
        "--template",
        dest="kept_template",
        type=Path,
        help="MLflow's database of an earlier run, instead of making one",
    )
    add(
        "--keep-template",
        dest="template_to_keep",
        type=Path,
        help="copy the database that MLflow makes to this file",
    )
    add("--mlflow", type=_program, default=beside_python("mlflow"), help="stock MLflow's program")
    add(
        "--headwater", type=_program, default=beside_python("headwater"), help="Headwater's program"
    )
    add("--fasttrackml", type=_program, help="FastTrackML's program fml; left out unless given")
    add("--postgres", action="store_true", help="Headwater on PostgreSQL as well")
    return Options(**vars(parser.parse_args(arguments)))


def _program(text: str) -> Path:
    """Return a program's absolute path: servers run in directories of their own."""
    return Path(text).absolute()
