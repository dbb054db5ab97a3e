"""The run: contenders side by side, rounds interleaved, answers compared."""

import gc
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from benchmarks import startup
from benchmarks.client import Connection, encode
from benchmarks.concurrent_log_batch import ConcurrentLogBatch
from benchmarks.create_run import CreateRun
from benchmarks.disk import Disk
from benchmarks.get_metric_history import GetMetricHistory
from benchmarks.get_metric_history_bulk_interval import GetMetricHistoryBulkInterval
from benchmarks.idle_memory import IdleMemory
from benchmarks.log_batch import LogBatch
from benchmarks.log_metric import LogMetric
from benchmarks.points import API
from benchmarks.read_back import require_equal
from benchmarks.search_runs import SearchRuns
from benchmarks.servers import Contender, Server
from benchmarks.summary import Figure
from benchmarks.trial import Scale, Trial

TRIALS: Mapping[str, type[Trial]] = {
    "idle_memory": IdleMemory,
    "log_batch": LogBatch,
    "log_metric": LogMetric,
    "concurrent_log_batch": ConcurrentLogBatch,
    "get_metric_history": GetMetricHistory,
    "get_metric_history_bulk_interval": GetMetricHistoryBulkInterval,
    "create_run": CreateRun,
    "search_runs": SearchRuns,
    "disk": Disk,
}
"""Verbs measured on running servers, in order: memory before any load."""

VERBS = ("startup", *TRIALS)

Samples = dict[Figure, dict[str, list[float]]]

_Item = TypeVar("_Item")

_WARM_CONNECTIONS = 24


class Session:
    """Measures verbs on all contenders; samples of a figure are in the order of the rounds."""

    def __init__(
        self, contenders: Sequence[Contender], scale: Scale, directory: Path, template: Path
    ) -> None:
        self._contenders = contenders
        self._scale = scale
        self._directory = directory
        self._template = template
        self.samples: Samples = defaultdict(lambda: defaultdict(list))

    def run(self, verbs: Sequence[str]) -> Iterator[str]:
        """Measure, yielding the name of each verb before it is measured."""
        if "startup" in verbs:
            yield "startup"
            self._time_starts()
        on_servers = [verb for verb in TRIALS if verb in verbs]
        if not on_servers:
            return
        with ExitStack() as stack:
            servers = [
                stack.enter_context(Server(each, self._place(f"server-{number}"), self._template))
                for number, each in enumerate(self._contenders)
            ]
            for server in servers:
                _warm_up(server)
                server.settle()
            for verb in on_servers:
                yield verb
                self._measure(TRIALS[verb], servers)

    def _time_starts(self) -> None:
        servers = []
        for number, contender in enumerate(self._contenders):
            server = Server(contender, self._place(f"start-{number}"), self._template)
            servers.append(server)
            self._keep(startup.FIRST_OPENING, contender, startup.time_start(server)[1:])
            if self._scale.empty_start:
                empty = Server(contender, self._place(f"empty-{number}"), template=None)
                self._keep(startup.EMPTY, contender, startup.time_start(empty)[1:])
        for number in range(self._scale.start_rounds):
            for server in _rotated(servers, number):
                self._keep(startup.RESTART, server.contender, startup.time_start(server))

    def _measure(self, kind: type[Trial], servers: Sequence[Server]) -> None:
        trials = [kind(server, self._scale) for server in servers]
        for trial in trials:
            trial.prepare()
        answers = [trial.answer() for trial in trials]
        for trial, answer in zip(trials, answers, strict=True):
            require_equal(answers[0], answer, f"{kind.__name__} on {trial.server.contender.name}")
        for number in range(kind.rounds or self._scale.rounds):
            for trial in _rotated(trials, number):
                with _undisturbed():
                    values = trial.run()
                self._keep(kind.figures, trial.server.contender, values)

    def _keep(
        self, figures: Sequence[Figure], contender: Contender, values: Sequence[float]
    ) -> None:
        for figure, value in zip(figures, values, strict=True):
            self.samples[figure][contender.name].append(value)

    def _place(self, name: str) -> Path:
        return self._directory / name


def _rotated(items: Sequence[_Item], by: int) -> list[_Item]:
    """Return the items with another one first in each round."""
    shift = by % len(items)
    return [*items[shift:], *items[:shift]]


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector out of timed sections."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _warm_up(server: Server) -> None:
    """Let every worker process open its store before anything is timed."""
    request = encode("GET", f"{API}/experiments/get?experiment_id=0")
    with ExitStack() as stack:
        connections = [
            stack.enter_context(Connection(server.address)) for _ in range(_WARM_CONNECTIONS)
        ]
        for connection in connections:
            connection.send(request)
        for connection in connections:
            while connection.receive() is None:
                continue
