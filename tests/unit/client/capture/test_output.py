"""What is printed is passed on in order, whoever prints and however much."""

import re
import signal
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.client.capture import output
from headwater.client.capture.output import BURST, RATE, Output, copy_output, stop_copying


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def gather(clock: Clock) -> tuple[Output, list[str]]:
    taken: list[str] = []
    gathered = Output(clock)
    gathered.add(taken.append)
    return gathered, taken


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_characters="\r")),
            st.sampled_from([0.0, 0.1, 3.0]),
        )
    )
)
def test_every_piece_arrives_in_order(printed: list[tuple[str, float]]) -> None:
    clock = Clock()
    gathered, taken = gather(clock)
    for text, seconds in printed:
        gathered.collect(text)
        clock.now += seconds
    gathered.flush(is_last=True)
    assert "".join(taken) == "".join(text for text, _ in printed)


def test_pieces_are_passed_on_together(clock: Clock) -> None:
    gathered, taken = gather(clock)
    for number in range(5):
        gathered.collect(f"{number}\n")
    assert taken == []
    clock.now += 0.3
    gathered.collect("5\n")
    assert taken == ["0\n1\n2\n3\n4\n5\n"]
    gathered.collect("x" * 10_000)
    assert taken[1:] == ["x" * 10_000]


def test_of_a_progress_bar_a_state_every_few_seconds_is_enough(clock: Clock) -> None:
    gathered, taken = gather(clock)
    gathered.collect("begin\r\n")
    for percent in range(101):
        gathered.collect(f"\r{percent}%")
        clock.now += 0.3
    gathered.collect("\ndone\n")
    gathered.flush(is_last=True)
    text = "".join(taken)
    assert text.startswith("begin\n")
    assert text.endswith("\r100%\ndone\n")
    assert 4 <= text.count("%") <= 9


def test_a_flood_is_cut_and_says_so(clock: Clock) -> None:
    gathered, taken = gather(clock)
    for _ in range(3):
        gathered.collect("x" * BURST)
    assert len("".join(taken)) == BURST
    clock.now += 1
    gathered.collect("y\n")
    kept = "".join(taken)[BURST:]
    assert kept == f"\n[{2 * BURST:,} characters are left out here]\ny\n"
    clock.now += 2
    gathered.collect("z" * BURST)
    assert "".join(taken).count("z") <= 3 * RATE


def test_who_takes_it_may_print(clock: Clock) -> None:
    gathered = Output(clock)
    taken: list[str] = []

    def take(text: str) -> None:
        taken.append(text)
        gathered.collect("from the sink\n")

    gathered.add(take)
    gathered.collect("x" * 10_000)
    gathered.remove(take)
    assert taken == ["x" * 10_000, "from the sink\n"]


def test_what_is_no_unicode_is_passed_on_as_far_as_it_can_be(clock: Clock) -> None:
    gathered, taken = gather(clock)
    gathered.collect("a\udcffb")
    gathered.flush()
    assert taken == ["a?b"]


def test_streams_are_copied_while_somebody_wants_it(capsys: pytest.CaptureFixture[str]) -> None:
    taken: list[str] = []
    print("before")
    copy_output(taken.append)
    print("out", 1)
    print("error", file=sys.stderr)
    sys.stdout.writelines(["a\n", "b\n"])
    stop_copying(taken.append)
    print("after")
    assert "".join(taken) == "out 1\nerror\na\nb\n"
    assert capsys.readouterr() == ("before\nout 1\na\nb\nafter\n", "error\n")


def test_threads_and_signal_handlers_may_print_at_any_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "_output", Output())
    taken: list[str] = []
    copy_output(taken.append)
    before = signal.signal(signal.SIGALRM, lambda *_: print("s-handler"))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        threads = [
            threading.Thread(target=lambda name=name: [print(f"{name}-{n}") for n in range(500)])
            for name in "abc"
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    stop_copying(taken.append)
    text = "".join(taken)
    for name in "abc":
        assert re.findall(rf"{name}-(\d+)", text) == [str(n) for n in range(500)]
    assert text.count("s-handler") == capsys.readouterr().out.count("s-handler")
