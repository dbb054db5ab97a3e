"""`python -m benchmarks`: measure Headwater beside others and print a table."""

import dataclasses
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from tests.postgres import running_postgres

from benchmarks.client import ProtocolError, RequestFailedError
from benchmarks.contenders import (
    MLFLOW,
    Contender,
    fasttrackml,
    headwater,
    headwater_on_postgres,
    sides,
    stock_mlflow,
)
from benchmarks.curves import curve_markdown, curve_table, plot
from benchmarks.machine import describe
from benchmarks.options import Options, parse
from benchmarks.physical_limits import Limit, measure_limits
from benchmarks.postgres import PostgresStorage
from benchmarks.read_back import ReadBackError
from benchmarks.report import print_tables, put_into, to_json, to_markdown
from benchmarks.session import VERBS, Session
from benchmarks.summary import Comparison, compare
from benchmarks.template import make_template
from benchmarks.trial import QUICK, Scale

_FILE_WIDTH = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return 1 with --check and a missed floor."""
    options = parse(arguments, [*VERBS, "physical_limits"])
    signal.signal(signal.SIGTERM, _leave)
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)
    with ExitStack() as stack:
        directory = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmarks-", dir=options.dir))
        )
        return _run(console, options, directory, _contenders(stack, options))


def _run(
    console: Console, options: Options, directory: Path, contenders: Sequence[Contender]
) -> int:
    machine = describe(directory)
    limits: list[Limit] = []
    if options.verbs is None or "physical_limits" in options.verbs:
        console.print("measuring physical limits")
        limits = measure_limits(directory)
    scale = _scale(options)
    templates = _templates(console, options, contenders, scale, directory)
    session = Session(contenders, scale, directory, templates)
    started = time.monotonic()
    failed = False
    try:
        for verb in session.run(options.verbs or VERBS):
            console.print(f"measuring {verb} ({time.monotonic() - started:.0f} s so far)")
    except KeyboardInterrupt:
        console.print("interrupted; these are the verbs and rounds measured so far")
    except (ProtocolError, ReadBackError, RequestFailedError) as error:
        failed = True
        console.print(f"stopped: {error}\nthese are the verbs and rounds measured before")
    comparisons = [
        compare(figure, samples, sides(contenders)) for figure, samples in session.samples.items()
    ]
    _report(console, options, session, comparisons, limits, machine, contenders)
    missed = [each.figure.label for each in comparisons if each.met is False]
    console.print(f"missed floors: {', '.join(missed)}" if missed else "no floor was missed")
    return 1 if failed or (missed and options.check) else 0


def _report(
    console: Console,
    options: Options,
    session: Session,
    comparisons: Sequence[Comparison],
    limits: Sequence[Limit],
    machine: Mapping[str, str],
    contenders: Sequence[Contender],
) -> None:
    names = [contender.name for contender in contenders]
    print_tables(console, comparisons, limits, names, session.notes)
    if session.curves:
        console.print(curve_table(session.curves))
    if options.quick:
        console.print("--quick: amounts are smaller than the labels say")
    if options.markdown:
        text = to_markdown(comparisons, limits, names, machine, session.notes)
        curves = f"\n{curve_markdown(session.curves)}" if session.curves else ""
        put_into(options.markdown, text + curves + _image(options) if curves else text)
    if options.plot and session.curves:
        plot(session.curves, options.plot)
    if options.json:
        samples = {figure.label: values for figure, values in session.samples.items()}
        curved = {curve.label: curve.samples for curve in session.curves}
        options.json.write_bytes(
            to_json(comparisons, limits, machine, samples, session.notes, curved)
        )


def _image(options: Options) -> str:
    """Return what shows the plot in the document, where there are both."""
    if options.plot is None or options.markdown is None:
        return ""
    path = os.path.relpath(options.plot, options.markdown.parent)
    return f"\n![Headwater's pace while points are stored already]({path})\n"


def _contenders(stack: ExitStack, options: Options) -> list[Contender]:
    """Return what is compared; PostgreSQL runs until the stack is left."""
    only = options.only or ["stock", "peer", "headwater"]
    contenders: list[Contender] = []
    if "stock" in only:
        contenders += [stock_mlflow(options.mlflow, None), stock_mlflow(options.mlflow, 1)]
    if "peer" in only and options.fasttrackml:
        contenders.append(fasttrackml(options.fasttrackml))
    if "headwater" in only:
        contenders.append(headwater(options.headwater))
        if options.postgres:
            server = stack.enter_context(running_postgres(durable=True))
            contenders.append(headwater_on_postgres(options.headwater, PostgresStorage(server)))
    return contenders


def _scale(options: Options) -> Scale:
    scale = QUICK if options.quick else Scale()
    if options.rounds is None:
        return scale
    return dataclasses.replace(scale, rounds=options.rounds, start_rounds=options.rounds)


def _templates(
    console: Console,
    options: Options,
    contenders: Sequence[Contender],
    scale: Scale,
    directory: Path,
) -> dict[str, str]:
    """Return what the contenders start from: MLflow's database is always stock MLflow's work."""
    writers = {contender.template: contender for contender in reversed(contenders)}
    writers[MLFLOW] = stock_mlflow(options.mlflow, 1)
    templates = {}
    for name, writer in writers.items():
        kept = options.template(name)
        if kept is not None:
            templates[name] = str(kept)
            continue
        console.print(f"{writer.name} writes {scale.search_runs:,} runs to start from")
        templates[name] = make_template(writer, directory, scale.search_runs)
        options.keep_template(name, templates[name])
    return templates


def _leave(*_: object) -> None:
    """Unwind as Ctrl-C does: servers are stopped, directories removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
