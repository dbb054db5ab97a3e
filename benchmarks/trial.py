"""What a benchmark is: one verb measured on one contender, round by round."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.servers import Server
from benchmarks.summary import Figure


@dataclass(frozen=True)
class Scale:
    """How much work a run of the harness does."""

    rounds: int = 5
    start_rounds: int = 2
    seconds: float = 1.5
    """Length of one timed section; the number of requests follows from the warm-up's pace."""

    most_requests: int = 4000
    most_points: int = 400_000
    history_points: int = 100_000
    search_runs: int = 2_000
    settle_seconds: float = 5.0
    empty_start: bool = True
    """Also time a start on an empty directory."""

    most_runs: int = 10_000
    long_run_points: int = 10_000_000
    long_seconds: float = 8.0
    """Verbs with a fixed large amount end after so many timed seconds, whatever is written;
    Headwater has four times as long.
    """

    mixed_seconds: float = 4.0
    compacted_points: int = 2_000_000
    stored_points: tuple[int, ...] = (1_000_000, 10_000_000, 100_000_000)
    artifact_bytes: int = 1_000_000_000
    network_width: int = 1024
    """Of the network whose checkpoints are stored: 3.2 million parameters."""

    searched_runs: tuple[int, ...] = (100_000, 1_000_000)
    """Of the searches among many runs: for all contenders, then for Headwater alone."""


QUICK = Scale(
    rounds=1,
    start_rounds=1,
    seconds=0.3,
    most_requests=200,
    most_points=20_000,
    history_points=10_000,
    search_runs=100,
    settle_seconds=1.0,
    empty_start=False,
    most_runs=100,
    long_run_points=50_000,
    long_seconds=1.0,
    mixed_seconds=0.5,
    compacted_points=200_000,
    stored_points=(100_000, 1_000_000),
    artifact_bytes=20_000_000,
    network_width=128,
    searched_runs=(2_000, 4_000),
)


class Trial(ABC):
    """One verb on one running server. Everything but `run`'s timed section is off the clock."""

    figures: ClassVar[tuple[Figure, ...]]
    rounds: ClassVar[int | None] = None
    """A number of rounds other than the scale's."""

    ours_only: ClassVar[bool] = False
    """Whether only Headwater has the verb."""

    def __init__(self, server: Server, scale: Scale) -> None:
        self.server = server
        self.scale = scale

    def prepare(self) -> None:
        """Write what the verb reads, and warm up."""
        return

    @abstractmethod
    def run(self) -> Sequence[float | None]:
        """Measure one round, read back what it wrote; return one number per figure.

        None says that the figure has no meaning for this contender.
        """

    def answer(self) -> object:
        """Return what contenders with equal databases must answer alike; None: nothing to compare.

        Contenders whose databases hold the same under other ids must agree on `portable`.
        """
        return None

    def portable(self, answer: object) -> object:
        """Return the part of an answer that names no ids or times of the server's choice."""
        return answer

    def note(self) -> str | None:
        """Return what a reader must know of this contender's figures."""
        return None

    def most_seconds(self) -> float:
        """Return after how many timed seconds a large amount is given up."""
        return self.scale.long_seconds * (4 if self.server.contender.ours else 1)

    def requests_for_round(self, seconds_per_request: float, points_per_request: int = 1) -> int:
        """Return how many requests fill a timed section, within the scale's limits."""
        most = min(self.scale.most_requests, self.scale.most_points // points_per_request)
        return max(3, min(most, int(self.scale.seconds / seconds_per_request)))
