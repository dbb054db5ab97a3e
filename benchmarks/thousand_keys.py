"""1,000 metrics a step, as a run that watches every layer logs them."""

from collections.abc import Sequence

from benchmarks.client import Connection, time_in_turn
from benchmarks.points import PointSource
from benchmarks.points import log_batch as encode_log_batch
from benchmarks.read_back import create_run, verify_latest, verify_points
from benchmarks.summary import Figure
from benchmarks.trial import Trial

_KEYS = 1000
_READ_BACK_EVERY = 50


class ThousandKeys(Trial):
    """Every batch holds one step of 1,000 metrics; each round writes a run of its own."""

    rounds = 3
    figures = (Figure("thousand_keys", "1,000 metrics a step in one batch", "points/s", "higher"),)

    def prepare(self) -> None:
        """Find the pace that sizes the rounds."""
        self._count = 3
        (pace,) = self.run()
        self._count = self.requests_for_round(_KEYS / pace, _KEYS)

    def run(self) -> Sequence[float]:
        """Return points per second."""
        with Connection(self.server.address) as connection:
            run_id = create_run(connection)
        batches = PointSource(self._count, _KEYS).take_steps(self._count)
        requests = [encode_log_batch(run_id, batch) for batch in batches]
        seconds = time_in_turn(self.server.address, requests)
        verify_latest(self.server.address, run_id, batches[-1])
        some = (point for batch in batches for point in batch[::_READ_BACK_EVERY])
        verify_points(self.server.address, run_id, some)
        return [self._count * _KEYS / seconds]
