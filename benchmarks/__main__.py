"""`python -m benchmarks`: measure stock MLflow and Headwater side by side and print a table."""

import argparse
import dataclasses
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.machine import describe
from benchmarks.physical_limits import Limit, measure_limits
from benchmarks.report import print_tables, put_into, to_json, to_markdown
from benchmarks.servers import Contender, beside_python, headwater, stock_mlflow
from benchmarks.session import VERBS, Session
from benchmarks.summary import compare
from benchmarks.template import make_template
from benchmarks.trial import QUICK, Scale

_FILE_WIDTH = 160


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return 1 with --check and a missed floor."""
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _leave)
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)
    scale = QUICK if options.quick else Scale()
    if options.rounds:
        scale = dataclasses.replace(scale, rounds=options.rounds, start_rounds=options.rounds)
    stock = [stock_mlflow(options.mlflow, None), stock_mlflow(options.mlflow, 1)]
    contenders = _selected([*stock, headwater(options.headwater)], options.only)
    with tempfile.TemporaryDirectory(prefix="benchmarks-", dir=options.dir) as name:
        directory = Path(name)
        machine = describe(directory)
        limits: list[Limit] = []
        if options.verb is None or "physical_limits" in options.verb:
            console.print("measuring physical limits")
            limits = measure_limits(directory)
        verbs = options.verb or VERBS
        template = options.template or _template(console, stock[1], scale, directory)
        if options.keep_template:
            shutil.copyfile(template, options.keep_template)
        session = Session(contenders, scale, directory, template)
        try:
            for verb in session.run(verbs):
                console.print(f"measuring {verb}")
        except KeyboardInterrupt:
            console.print("interrupted; these are the verbs and rounds measured so far")
    names = [contender.name for contender in contenders]
    stock_names = [contender.name for contender in contenders if contender.stock]
    comparisons = [
        compare(figure, samples, stock_names, "Headwater")
        for figure, samples in session.samples.items()
    ]
    print_tables(console, comparisons, limits, names)
    if options.quick:
        console.print("--quick: amounts are smaller than the labels say")
    if options.markdown:
        put_into(options.markdown, to_markdown(comparisons, limits, names, machine))
    if options.json:
        samples = {figure.label: values for figure, values in session.samples.items()}
        options.json.write_bytes(to_json(comparisons, limits, machine, samples))
    missed = [each.figure.label for each in comparisons if each.met is False]
    console.print(f"missed floors: {', '.join(missed)}" if missed else "no floor was missed")
    return 1 if missed and options.check else 0


def _template(console: Console, stock: Contender, scale: Scale, directory: Path) -> Path:
    console.print(f"stock MLflow writes {scale.search_runs:,} runs for all to start from")
    return make_template(stock, directory, scale.search_runs)


def _leave(*_: object) -> None:
    """Unwind as Ctrl-C does: servers are stopped, directories removed."""
    raise KeyboardInterrupt


def _selected(contenders: Sequence[Contender], only: str | None) -> list[Contender]:
    if only is None:
        return list(contenders)
    return [contender for contender in contenders if contender.stock == (only == "stock")]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="small amounts, one round: does everything run?")
    add("--rounds", type=int, help="rounds per verb")
    add(
        "--verb",
        action="append",
        choices=[*VERBS, "physical_limits"],
        help="measure only this verb; may be repeated",
    )
    add("--only", choices=["stock", "headwater"], help="leave the other side out")
    add("--json", type=Path, help="write all samples to this file")
    add("--markdown", type=Path, help="put the tables between the result marks of this file")
    add("--check", action="store_true", help="exit with 1 if a floor is missed")
    add("--dir", type=Path, help="where to put databases (default: the temporary directory)")
    add("--template", type=Path, help="database of an earlier run, instead of making one")
    add("--keep-template", type=Path, help="copy the database that all start from to this file")
    add("--mlflow", type=Path, default=beside_python("mlflow"), help="stock MLflow's program")
    add("--headwater", type=Path, default=beside_python("headwater"), help="Headwater's program")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
