"""Runs held in memory, and the same runs in a database: what searches are compared with."""

import math
import random
from dataclasses import dataclass, field

import numpy as np
from tests.contracts.conftest import Backend
from tests.contracts.metric_rows import columns

from headwater.entities.metric import storable
from headwater.storage.metadata.base import Connection
from headwater.storage.metrics.compact import compact_run

NUMBERS: dict[str, float | None] = {
    "0.1": 0.1,
    "1e-3": 0.001,
    "-5": -5.0,
    "+2": 2.0,
    "7.": 7.0,
    ".5": 0.5,
    "1E2": 100.0,
    "inf": math.inf,
    "-Infinity": -math.inf,
    "1.7976931348623157e+308": 1.7976931348623157e308,
    "5e-324": 5e-324,
    "1e400": None,
    "nan": None,
    "": None,
    " 7": None,
    "7\n": None,
    "1_000": None,
    "0x10": None,
    "\uff17": None,
    "True": None,
    "Abc": None,
    "abc": None,
    "a_b": None,
    "a%b\nc": None,
    "it's [x](y)": None,
    "É\u2603": None,
}
"""Texts of parameters and tags, and the numbers that they spell."""

TEXTS = [text for text in NUMBERS if "'" not in text]
METRICS = ["loss", "val loss", "a.b", "acc.max"]
KEYS = ["lr", "team", "a b", "x.y"]
STATUSES = ["RUNNING", "FINISHED", "FAILED"]
HOUR = 3_600_000
NOW = 1_000 * HOUR
_VALUES = [0.0, 0.5, 0.5, -1.5, 7.0, 1e-310, math.nan, math.inf, -math.inf]
_PARENT = "mlflow.parentRunId"

Point = tuple[int, int, float]
"""(step, timestamp, value)."""


@dataclass
class ModelRun:
    """A run as its writer knows it."""

    run_id: str
    experiment_id: int
    status: str
    start_time: int
    end_time: int | None
    deleted: bool
    metrics: dict[str, list[Point]] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    datasets: list[tuple[str, str]] = field(default_factory=list)
    """(name, context)."""

    def series(self, key: str) -> list[Point]:
        """The points of a metric by (step, timestamp, value, is NaN), duplicates dropped."""
        unique = {
            (step, time, 0.0 if math.isnan(value) else value, math.isnan(value))
            for step, time, value in self.metrics.get(key, [])
        }
        return [
            (step, time, math.nan if is_nan else value)
            for step, time, value, is_nan in sorted(unique)
        ]


def random_runs(seed: int, count: int = 40) -> list[ModelRun]:
    """Make runs of two experiments, some deleted, some children of others."""
    rng = random.Random(seed)
    runs = [_random_run(rng, number) for number in range(count)]
    for run in runs[count // 2 :]:
        if rng.random() < 0.7:
            run.tags[_PARENT] = rng.choice([*(r.run_id for r in runs[: count // 4]), "gone"])
    return runs


def parent_of(run: ModelRun, runs: list[ModelRun]) -> list[ModelRun]:
    """Return the run's parent, if it is there."""
    return [r for r in runs if r.run_id == run.tags.get(_PARENT) and not r.deleted]


def children_of(run: ModelRun, runs: list[ModelRun]) -> list[ModelRun]:
    """Return the run's children that are there."""
    return [r for r in runs if r.tags.get(_PARENT) == run.run_id and not r.deleted]


async def store(backend: Backend, runs: list[ModelRun]) -> None:
    """Store the runs; points go into chunks, blocks and rows of MLflow's, at random."""
    rng = random.Random(1)
    await backend.database.write(_insert_experiment)
    for run in runs:
        await backend.database.write(lambda c, run=run: _insert(c, run))  # type: ignore[misc]
        points = [(key, *point) for key, series in run.metrics.items() for point in series]
        rng.shuffle(points)
        cuts = sorted(rng.choices(range(len(points) + 1), k=2))
        for piece, compacts in ((points[: cuts[0]], True), (points[cuts[0] : cuts[1]], False)):
            if piece:
                await backend.database.write(
                    lambda c, run=run, piece=piece: backend.metrics.append(  # type: ignore[misc]
                        c, run.run_id, columns(piece)
                    )
                )
            if compacts and rng.random() < 0.8:
                await compact_run(backend.database, run.run_id)
        rest = points[cuts[1] :]
        await backend.database.write(
            lambda c, run=run, rest=rest: _insert_rows(c, backend, run.run_id, rest)  # type: ignore[misc]
        )


def _random_run(rng: random.Random, number: int) -> ModelRun:
    start = NOW - rng.choice([0, 1, 2, 24, 500]) * HOUR - rng.choice([0, 1])
    return ModelRun(
        f"{number:032x}",
        rng.choice([0, 7]),
        rng.choice(STATUSES),
        start,
        rng.choice([None, start, start + HOUR, start + 2 * HOUR]),
        rng.random() < 0.15,
        {key: _random_points(rng) for key in METRICS if rng.random() < 0.6},
        {key: rng.choice(list(NUMBERS)) for key in KEYS if rng.random() < 0.7},
        {key: rng.choice(list(NUMBERS)) for key in [*KEYS, "mlflow.runName"] if rng.random() < 0.7},
        [
            (rng.choice(["data", "Data2"]), rng.choice(["train", "eval"]))
            for _ in range(rng.choice([0, 0, 1, 2]))
        ],
    )


def _random_points(rng: random.Random) -> list[Point]:
    values = storable(np.array([rng.choice(_VALUES) for _ in range(rng.choice([1, 2, 6]))]))
    return [(rng.randint(-2, 3), rng.randint(0, 2), value) for value in values.tolist()]


def _insert_experiment(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO experiments (experiment_id, name, lifecycle_stage, workspace)"
        " VALUES (7, 'other', 'active', 'default')"
    )


def _insert(connection: Connection, run: ModelRun) -> None:
    connection.execute(
        "INSERT INTO runs (run_uuid, experiment_id, status, start_time, end_time, lifecycle_stage,"
        " user_id, artifact_uri) VALUES (?, ?, ?, ?, ?, ?, '', '')",
        (
            run.run_id,
            run.experiment_id,
            run.status,
            run.start_time,
            run.end_time,
            "deleted" if run.deleted else "active",
        ),
    )
    for table, entries in (("params", run.params), ("tags", run.tags)):
        for key, value in entries.items():
            connection.execute(
                f'INSERT INTO {table} (run_uuid, "key", value) VALUES (?, ?, ?)',
                (run.run_id, key, value),
            )
    for number, (name, context) in enumerate(run.datasets):
        of = f"{run.run_id}{number}"[-36:]
        connection.execute(
            "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type,"
            " dataset_source) VALUES (?, ?, ?, ?, 'local', 's')",
            (of, run.experiment_id, name, of),
        )
        connection.execute(
            "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type,"
            " destination_id, step) VALUES (?, 'DATASET', ?, 'RUN', ?, 0)",
            (of, of, run.run_id),
        )
        connection.execute(
            "INSERT INTO input_tags (input_uuid, name, value) VALUES (?, 'mlflow.data.context', ?)",
            (of, context),
        )


def _insert_rows(
    connection: Connection, backend: Backend, run_id: str, points: list[tuple[str, int, int, float]]
) -> None:
    """Log points as MLflow does: a row each, and the latest."""
    if not points:
        return
    backend.metrics.append(connection, run_id, columns(points))
    newest = connection.execute("SELECT max(block_id) FROM headwater_metric_blocks").fetchone()
    connection.execute("DELETE FROM headwater_metric_blocks WHERE block_id = ?", tuple(newest))
    for key, step, timestamp, value in dict.fromkeys(points):
        is_nan = math.isnan(value)
        connection.execute(
            'INSERT INTO metrics ("key", value, timestamp, run_uuid, step, is_nan)'
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (key, 0.0 if is_nan else value, timestamp, run_id, step, is_nan),
        )
