import asyncio
import time

import pytest

from headwater.storage.metrics.pace import Pace


class Clock:
    """Time that passes only where somebody waits or works."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(asyncio, "sleep", self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def transaction(pace: Pace, clock: Clock, points: int, seconds: float) -> None:
    with pace.holding():
        clock.now += seconds
    await pace.rest(points)


async def test_rests_as_long_as_its_share_of_the_lock_asks_for(clock: Clock) -> None:
    for share, rest in ((1.0, []), (0.5, [0.2]), (0.25, [0.6])):
        clock.slept.clear()
        await transaction(Pace(share=share), clock, 10, 0.2)
        assert clock.slept == pytest.approx(rest)


async def test_keeps_below_the_rate(clock: Clock) -> None:
    pace = Pace(rate=1_000, share=1.0)
    started = clock.now
    for _ in range(50):
        await transaction(pace, clock, 100, 0.01)
    assert clock.now - started == pytest.approx(5.0)


async def test_does_not_catch_up_on_more_than_a_second_of_idleness(clock: Clock) -> None:
    pace = Pace(rate=1_000, share=1.0)
    clock.now += 3_600
    started = clock.now
    for _ in range(50):
        await transaction(pace, clock, 100, 0.0)
    assert clock.now - started == pytest.approx(4.0)


async def test_transactions_become_as_small_as_the_database_is_slow(clock: Clock) -> None:
    pace = Pace(share=1.0)
    for _ in range(10):
        await transaction(pace, clock, pace.rows, pace.rows / 300_000)
    assert pace.rows == pytest.approx(3_000, rel=0.01)
    for _ in range(10):
        await transaction(pace, clock, pace.rows, pace.rows / 100_000)
    assert pace.rows == pytest.approx(1_000, rel=0.01)
    for _ in range(10):
        await transaction(pace, clock, pace.rows, 1.0)
    assert pace.rows == 256


async def test_tells_of_progress(clock: Clock) -> None:
    pace = Pace()
    told: list[int] = []
    pace.progress = told.append
    await transaction(pace, clock, 7, 0.0)
    assert told == [7]
