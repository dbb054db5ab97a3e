"""The run: contenders side by side, rounds interleaved, answers compared."""

import gc
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from benchmarks import compaction, startup, stored_points
from benchmarks.artifacts import Artifacts, FastArtifacts
from benchmarks.checkpoints import Checkpoints
from benchmarks.client import Connection, encode
from benchmarks.concurrent_log_batch import ConcurrentLogBatch
from benchmarks.contenders import MLFLOW, OURS, Contender, relaxed
from benchmarks.create_run import CreateRun
from benchmarks.curves import Curve
from benchmarks.disk import Disk
from benchmarks.get_metric_history import GetMetricHistory
from benchmarks.get_metric_history_bulk_interval import GetMetricHistoryBulkInterval
from benchmarks.idle_memory import IdleMemory
from benchmarks.ingest import RELAXED, Ingest
from benchmarks.log_batch import LogBatch
from benchmarks.log_call import LogCall, PythonRun
from benchmarks.log_metric import LogMetric
from benchmarks.long_run import LongRun
from benchmarks.many_runs import ManyRuns
from benchmarks.metric_series import MetricSeries
from benchmarks.mixed_load import MixedLoad
from benchmarks.points import API
from benchmarks.read_back import require_equal
from benchmarks.search_many_runs import measure_search_many_runs
from benchmarks.search_runs import SearchRuns
from benchmarks.servers import Server
from benchmarks.storage import SqliteStorage
from benchmarks.summary import Figure
from benchmarks.template import make_template
from benchmarks.thousand_keys import ThousandKeys
from benchmarks.training import Training
from benchmarks.trial import Scale, Trial

TRIALS: Mapping[str, type[Trial]] = {
    "idle_memory": IdleMemory,
    "log_batch": LogBatch,
    "log_metric": LogMetric,
    "concurrent_log_batch": ConcurrentLogBatch,
    "thousand_keys": ThousandKeys,
    "get_metric_history": GetMetricHistory,
    "get_metric_history_bulk_interval": GetMetricHistoryBulkInterval,
    "create_run": CreateRun,
    "search_runs": SearchRuns,
    "disk": Disk,
    "metric_series": MetricSeries,
    "ingest": Ingest,
    "log_call": LogCall,
    "python_run": PythonRun,
    "training": Training,
    "artifacts": Artifacts,
    "fast_artifacts": FastArtifacts,
    "checkpoints": Checkpoints,
    "mixed_load": MixedLoad,
    "many_runs": ManyRuns,
    "long_run": LongRun,
}
"""Verbs measured on running servers, in order: memory before any load."""

VERBS = ("startup", *TRIALS, "search_many_runs", "ingest_relaxed", "compaction", "stored_points")

Samples = dict[Figure, dict[str, list[float]]]

_Item = TypeVar("_Item")

_WARM_CONNECTIONS = 24
_MANY_ROUNDS = 3
_BETWEEN_ROUNDS = 0.3
"""Seconds of quiet after which Headwater has compacted what a round wrote: it must not do so beside
the next contender, nor unseen."""


class Session:
    """Measures verbs on all contenders; samples of a figure are in the order of the rounds."""

    def __init__(
        self,
        contenders: Sequence[Contender],
        scale: Scale,
        directory: Path,
        templates: Mapping[str, str],
    ) -> None:
        self._contenders = contenders
        self._scale = scale
        self._directory = directory
        self._templates = templates
        self.samples: Samples = defaultdict(lambda: defaultdict(list))
        self.notes: list[str] = []
        self.curves: list[Curve] = []

    def run(self, verbs: Sequence[str]) -> Iterator[str]:
        """Measure, yielding the name of each verb before it is measured."""
        if "startup" in verbs:
            yield "startup"
            self._time_starts()
        on_servers = [verb for verb in TRIALS if verb in verbs]
        if on_servers:
            yield from self._run_on_servers(on_servers)
        if "search_many_runs" in verbs:
            yield "search_many_runs"
            self._measure_search_many_runs()
        alone = [each for each in self._contenders if each.name == OURS]
        for verb, measure in (
            ("ingest_relaxed", self._measure_relaxed_ingest),
            ("compaction", self._measure_compaction),
            ("stored_points", self._measure_stored_points),
        ):
            if verb in verbs and alone:
                yield verb
                measure(alone[0])

    def _run_on_servers(self, on_servers: Sequence[str]) -> Iterator[str]:
        with ExitStack() as stack:
            servers = [
                stack.enter_context(self._server(each, f"server-{number}"))
                for number, each in enumerate(self._contenders)
            ]
            for server in servers:
                _warm_up(server)
                server.settle()
            for verb in on_servers:
                yield verb
                self._measure(verb, servers)

    def _time_starts(self) -> None:
        servers = []
        for number, contender in enumerate(self._contenders):
            server = self._server(contender, f"start-{number}")
            servers.append(server)
            opened = startup.time_start(server)[1:]
            if contender.template == MLFLOW:
                self._keep(startup.FIRST_OPENING, contender, opened)
            if self._scale.empty_start:
                empty = Server(contender, self._place(f"empty-{number}"), template=None)
                self._keep(startup.EMPTY, contender, startup.time_start(empty)[1:])
        for number in range(self._scale.start_rounds):
            for server in _rotated(servers, number):
                self._keep(startup.RESTART, server.contender, startup.time_start(server))

    def _measure(self, verb: str, servers: Sequence[Server]) -> None:
        kind = TRIALS[verb]
        trials = [
            kind(server, self._scale)
            for server in servers
            if verb not in server.contender.lacks and (server.contender.ours or not kind.ours_only)
        ]
        for trial in trials:
            trial.prepare()
        _require_same_answers(trials)
        for number in range(kind.rounds or self._scale.rounds):
            for trial in _rotated(trials, number):
                with _undisturbed():
                    values = trial.run()
                self._keep(kind.figures, trial.server.contender, values)
                if trial.server.contender.ours:
                    trial.server.settle(_BETWEEN_ROUNDS)
        for trial in trials:
            if note := trial.note():
                self.notes.append(f"{verb}, {trial.server.contender.name}: {note}")

    def _measure_search_many_runs(self) -> None:
        contenders = [each for each in self._contenders if isinstance(each.storage, SqliteStorage)]
        place = self._place("many")
        place.mkdir()
        templates = {}
        for name in {each.template for each in contenders}:
            writer = next(each for each in contenders if each.template == name)
            templates[name] = make_template(writer, place / name, 0)
        found = measure_search_many_runs(
            contenders, place / "servers", templates, self._scale.searched_runs, _MANY_ROUNDS
        )
        for figure, name, value in found:
            self.samples[figure][name].append(value)

    def _measure_relaxed_ingest(self, contender: Contender) -> None:
        with self._server(relaxed(contender), "relaxed") as server:
            _warm_up(server)
            server.settle()
            trial = Ingest(server, self._scale)
            trial.prepare()
            for _ in range(self._scale.rounds):
                server.settle(_BETWEEN_ROUNDS)
                with _undisturbed():
                    values = trial.run()
                self._keep((RELAXED,), contender, values)

    def _measure_compaction(self, contender: Contender) -> None:
        place, template = self._place("compaction"), self._templates[contender.template]
        points = self._scale.compacted_points
        found = compaction.measure_compaction(contender, place, template, points)
        for figures, values in found.items():
            self._keep(figures, contender, values)

    def _measure_stored_points(self, contender: Contender) -> None:
        place, template = self._place("stored"), self._templates[contender.template]
        curves, kept = stored_points.StoredPoints(contender, place, template, self._scale).measure()
        self.curves = curves
        for value in kept:
            self._keep([stored_points.KEPT], contender, [value])

    def _server(self, contender: Contender, name: str) -> Server:
        return Server(contender, self._place(name), self._templates[contender.template])

    def _keep(
        self, figures: Sequence[Figure], contender: Contender, values: Sequence[float | None]
    ) -> None:
        for figure, value in zip(figures, values, strict=True):
            if value is not None:
                self.samples[figure][contender.name].append(value)

    def _place(self, name: str) -> Path:
        return self._directory / name


def _require_same_answers(trials: Sequence[Trial]) -> None:
    """Compare whole answers where databases are copies of one, else what they have in common."""
    first: dict[str, object] = {}
    portable: object = None
    for trial in trials:
        contender = trial.server.contender
        answer = trial.answer()
        what = f"{type(trial).__name__} on {contender.name}"
        require_equal(first.setdefault(contender.template, answer), answer, what)
        if answer is not None:
            common = trial.portable(answer)
            portable = common if portable is None else portable
            require_equal(portable, common, what)


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
