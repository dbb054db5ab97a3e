"""Binary frames of Headwater's own: the fastest way to bring points in."""

import uuid
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from benchmarks.client import Connection, encode, time_in_turn
from benchmarks.points import FIRST_TIMESTAMP
from benchmarks.points import Point as JsonPoint
from benchmarks.read_back import (
    create_run,
    decode_history,
    history_request,
    require_equal,
    verify_latest,
)
from benchmarks.servers import Server
from benchmarks.summary import Figure
from benchmarks.trial import Scale, Trial
from headwater.entities.metric import Points
from headwater.wire.ingest import CONTENT_TYPE, encode_frame

_KEYS = tuple(f"metric_{number}" for number in range(10))
_RUNS = 10
_STEPS = 1000
_FRAME = _RUNS * _STEPS * len(_KEYS)

DURABLE = Figure(
    "ingest", "binary frames of 100k points, fsynced", "points/s", "higher", bound=3_000_000
)
RELAXED = Figure(
    "ingest", "binary frames of 100k points, relaxed", "points/s", "higher", bound=5_000_000
)


class Ingest(Trial):
    """One client; every frame holds 1,000 steps of 10 metrics of each of 10 runs."""

    figures = (DURABLE,)
    ours_only = True

    def __init__(self, server: Server, scale: Scale) -> None:
        super().__init__(server, scale)
        self._count = 2

    def prepare(self) -> None:
        """Find the pace that sizes the rounds."""
        (pace,) = self.run()
        seconds = _FRAME / pace
        self._count = max(3, int(self.scale.seconds / seconds))

    def run(self) -> Sequence[float]:
        """Return points per second."""
        with Connection(self.server.address) as connection:
            runs = [create_run(connection) for _ in range(_RUNS)]
        client = uuid.uuid4().hex
        columns = list(_columns(self._count))
        requests = [
            _request(encode_frame(client, number, [(run, points) for run in runs]))
            for number, points in enumerate(columns, start=1)
        ]
        seconds = time_in_turn(self.server.address, requests)
        self._verify(client, runs, columns)
        return [len(requests) * _FRAME / seconds]

    def _verify(self, client: str, runs: Sequence[str], columns: Sequence[Points]) -> None:
        """Raise unless the last frame was counted and the points have come through it."""
        with Connection(self.server.address) as connection:
            position = connection.fetch(
                encode("GET", f"/api/2.0/headwater/metrics/ingest?client_id={client}")
            )
            history = decode_history(connection.fetch(history_request(runs[-1], _KEYS[0])))
        require_equal(len(columns), msgspec.json.decode(position)["sequence"], "last frame")
        written = np.concatenate([points.values[:: len(_KEYS)] for points in columns])
        require_equal(written.tolist(), [point.value for point in history], "values of a metric")
        for run in runs:
            verify_latest(self.server.address, run, _last_points(columns[-1]))


def _columns(frames: int) -> Iterator[Points]:
    random = np.random.default_rng(11)
    for frame in range(frames):
        of_step = np.repeat(np.arange(_STEPS), len(_KEYS))
        steps = frame * _STEPS + of_step
        yield Points(
            _KEYS,
            np.tile(np.arange(len(_KEYS)), _STEPS),
            steps,
            FIRST_TIMESTAMP + 50 * steps,
            1.0 / (1.0 + steps * 1e-3) + random.normal(0.0, 0.01, len(steps)),
        )


def _last_points(points: Points) -> list[JsonPoint]:
    at = range(len(points) - len(_KEYS), len(points))
    return [
        JsonPoint(
            _KEYS[points.key_index[i]],
            float(points.values[i]),
            int(points.timestamps[i]),
            int(points.steps[i]),
        )
        for i in at
    ]


def _request(frame: bytes) -> bytes:
    return encode("POST", "/api/2.0/headwater/metrics/ingest", frame, CONTENT_TYPE)
