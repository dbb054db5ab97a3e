"""The demo's command line."""

import argparse
import os
import signal
import sys
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import mlflow
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from headwater.demo.champion import ALIAS, model_name, register_champion
from headwater.demo.open_page import in_ci, open_page
from headwater.demo.plan import Task, choose_tasks, planned_runs
from headwater.demo.server import DemoServer, ServerFailedError, free_port, running_server
from headwater.demo.summary import experiment_name, summarise, table_of
from headwater.demo.training import ROLE_TAG, SESSION_TAG, Trained, train
from headwater.demo.verdict import page_of, verdict_of
from headwater.demo.verify import TaskResult, problems_of

HOST = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; return 0 when everything it logged is there, 1 otherwise.

    Until it is done, Ctrl-C and SIGTERM stop the server and end the process with status 130.
    """
    options = _parse(arguments)
    console = Console()
    signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        tasks = choose_tasks(options.task)
        with _server(options) as server:
            with _interruptible(console, server):
                problems, page = _run(console, server.address, tasks, options.seeds)
            if problems:
                console.print("\n".join(problems), style="red", markup=False)
                return 1
            if options.tracking_uri is None:
                all_runs = f"{server.address}/headwater/runs"
                console.print(f"{'all runs:':<15}{all_runs}", soft_wrap=True)
            if open_page(page, wanted=not (options.no_browser or options.check)):
                console.print("The first comparison is open in a browser.")
            if not _checks_only(options):
                _wait(console)
    except (ServerFailedError, ValueError) as error:
        console.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("\nStopped.")
        return 130
    return 0


@contextmanager
def _interruptible(console: Console, server: DemoServer) -> Iterator[None]:
    """On Ctrl-C or SIGTERM, stop the server and end the process from the signal handler.

    An exception would not do: libraries swallow it where it strikes them in a callback, and an
    ordinary exit waits for MLflow's background threads, which retry for minutes against a server
    that is gone.
    """

    def stop(_number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, _as_interrupt)  # the second one kills the server
        server.stop()
        console.print("\nStopped.")
        sys.stdout.flush()
        os._exit(130)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="headwater demo",
        description="Train real models on real data and log them with the stock MLflow client.",
    )
    parser.add_argument("--check", action="store_true", help="verify, then end without waiting")
    parser.add_argument("--no-browser", action="store_true", help="open no page in a browser")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each family (default 3)")
    parser.add_argument("--task", action="append", default=[], help="only this task; repeatable")
    parser.add_argument("--port", type=int, help="default: 5000, or a free one")
    parser.add_argument(
        "--data-dir", type=Path, default=Path("demo-data"), help="default: ./demo-data"
    )
    parser.add_argument("--tracking-uri", help="log to this running server instead")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    return options


def _as_interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _checks_only(options: argparse.Namespace) -> bool:
    return options.check or in_ci(os.environ) or not sys.stdin.isatty()


def _server(options: argparse.Namespace) -> AbstractContextManager[DemoServer]:
    if options.tracking_uri:
        return nullcontext(DemoServer(options.tracking_uri.rstrip("/")))
    port = options.port or free_port(HOST)
    return running_server(options.data_dir, HOST, port)


def _run(
    console: Console, address: str, tasks: Sequence[Task], seeds: int
) -> tuple[list[str], str]:
    """Train everything, print the summary; return what is wrong, and the first comparison's page.

    Where something is wrong there is no page.
    """
    session = uuid.uuid4().hex[:8]
    console.print(f"Tracking server: {address}")
    mlflow.set_tracking_uri(address)
    mlflow.sklearn.autolog(log_models=False, silent=True)
    warnings.filterwarnings("ignore", category=FutureWarning, module="sklearn")
    with _progress(console) as progress:
        results = [_run_task(progress, task, session, seeds) for task in tasks]
    problems = [line for result in results for line in problems_of(result, session, seeds)]
    if problems:
        return problems, ""
    console.print(table_of([summarise(task, session) for task in tasks]))
    _print_addresses(console, address, tasks)
    pages = [page_of(address, task, session) for task in tasks]
    for task, page in zip(tasks, pages, strict=True):
        verdict = verdict_of(address, task, session)
        console.print(f"{task.name + ':':<15}{verdict}", soft_wrap=True, markup=False)
        console.print(f"{'':<15}{page}", soft_wrap=True, markup=False)
    return [], pages[0]


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<13}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[detail]}"),
        console=console,
        disable=not console.is_terminal,
    )


def _run_task(progress: Progress, task: Task, session: str, seeds: int) -> TaskResult:
    runs = list(planned_runs(task, seeds))
    bar = progress.add_task(task.name, total=len(runs), detail="")
    mlflow.set_experiment(experiment_name(task))
    trained: list[Trained] = []
    with mlflow.start_run(
        run_name=f"sweep-{session}", tags={SESSION_TAG: session, ROLE_TAG: "sweep"}
    ):
        for planned in runs:
            progress.update(bar, detail=planned.name)
            trained.append(train(planned, session))
            progress.advance(bar)
        best = max(trained, key=lambda candidate: candidate.score)
        version = register_champion(task, best)
    done = f"champion: {best.planned.name}, version {version}"
    progress.update(bar, detail=done)
    if progress.disable:
        progress.console.print(f"{task.name}: {len(trained)} runs, {done}", soft_wrap=True)
    return TaskResult(task, tuple(trained), best)


def _print_addresses(console: Console, address: str, tasks: Sequence[Task]) -> None:
    for task in tasks:
        experiment = mlflow.get_experiment_by_name(experiment_name(task))
        page = f"{address}/#/experiments/{experiment.experiment_id}"
        console.print(f"{task.name + ':':<15}{page}", soft_wrap=True)
    first = model_name(tasks[0])
    page = f"{address}/#/models/{first}"
    console.print(f"{'a champion:':<15}{page}  (models:/{first}@{ALIAS})", soft_wrap=True)


def _wait(console: Console) -> None:
    console.print("The server keeps running; press Ctrl-C to stop it.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        console.print("\nStopping the server ...")


if __name__ == "__main__":
    sys.exit(main())
