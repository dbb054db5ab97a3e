"""Copies what this process prints to whoever wants it; printing itself stays as it is.

It sees what goes through Python's ``sys.stdout`` and ``sys.stderr``: `print`, logging, warnings,
progress bars, tracebacks. Nothing here waits for a lock, so that a signal handler may print.
"""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from headwater.client.capture.text import plain

_SECONDS = 0.2
_LARGE = 8 * 1024
_LOOK_SECONDS = 1.0
_PATIENCE = 1.0
_PROGRESS_SECONDS = 5.0
"""Between states of a progress bar."""

BURST = 1024 * 1024
RATE = 64 * 1024
"""Characters that are passed on at once, and each second after that; what is more is left out."""

Sink = Callable[[str], object]


class Output:
    """Gathers what is printed and passes it on in pieces; any thread may print."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._sinks: tuple[Sink, ...] = ()
        self._pieces: deque[str] = deque()
        self._size = 0
        self._turn = threading.Lock()
        self._passed_at = self._progress_at = self._filled_at = now()
        self._held = ""
        """The state of a progress bar that is not passed on yet."""

        self._room = float(BURST)
        self._left_out = 0

    def add(self, sink: Sink) -> None:
        """Pass on to `sink` what is printed from now on."""
        self.flush(is_last=True)  # what was printed before is not for it
        self._sinks = (*self._sinks, sink)

    def remove(self, sink: Sink) -> None:
        """Pass on what was printed so far, and then no more to `sink`."""
        self.flush(is_last=True)
        self._sinks = tuple(each for each in self._sinks if each != sink)

    def forget(self) -> None:
        """Let go of all sinks, in a process that was forked: they are the other process's."""
        self._sinks = ()
        self._pieces.clear()
        self._held = ""
        self._turn = threading.Lock()

    def collect(self, text: str) -> None:
        """Take what is printed."""
        if not self._sinks:
            return
        self._pieces.append(text)
        self._size += len(text)
        if self._size >= _LARGE or self._now() - self._passed_at >= _SECONDS:
            self.flush()

    def flush(self, *, is_last: bool = False) -> None:
        """Pass on what was printed, unless another thread is at it; the last time, wait for it."""
        if not self._turn.acquire(timeout=_PATIENCE if is_last else 0):
            return
        try:
            text = self._take(is_last=is_last)
            if text:
                for sink in self._sinks:
                    sink(text)
        finally:
            self._turn.release()

    def _take(self, *, is_last: bool) -> str:
        self._passed_at = self._now()
        pieces = []
        while self._pieces:
            pieces.append(self._pieces.popleft())
        self._size = 0
        text = plain(self._held + "".join(pieces)).replace("\r\n", "\n")
        if "\r" in text:
            text = "\n".join(map(_last_state, text.split("\n")))
        self._held = ""
        line = text.rfind("\n") + 1
        if "\r" in text[line:] and not is_last:
            if self._passed_at - self._progress_at < _PROGRESS_SECONDS:
                text, self._held = text[:line], text[line:]
            else:
                self._progress_at = self._passed_at
        return self._bounded(text)

    def _bounded(self, text: str) -> str:
        """Return the text, or what of it there is room for."""
        now = self._passed_at
        self._room = min(BURST, self._room + RATE * (now - self._filled_at))
        self._filled_at = now
        if not text:
            return ""
        room = int(self._room)
        kept, left_out = text[:room], max(0, len(text) - room)
        self._room -= len(kept)
        if kept and self._left_out:
            kept = f"\n[{self._left_out:,} characters are left out here]\n{kept}"
            self._left_out = 0
        self._left_out += left_out
        return kept


def _last_state(line: str) -> str:
    """Return a line without what in it is overwritten; a carriage return says that some was."""
    shown = line.rstrip("\r")
    if "\r" not in shown:
        return line
    return "\r" + shown.rpartition("\r")[2] + line[len(shown) :][:1]


_output = Output()
_looker: threading.Thread | None = None
_wrapped: list[tuple[Any, Any]] = []
"""Streams and what writes to them instead."""


def copy_output(sink: Sink) -> None:
    """Pass on to `sink` what this process prints from now on."""
    global _looker
    _wrap()
    if _looker is None:
        _looker = threading.Thread(target=_look, name="headwater-output", daemon=True)
        _looker.start()
    _output.add(sink)


def stop_copying(sink: Sink) -> None:
    """Pass on the rest, and then no more to `sink`."""
    _output.remove(sink)


def _wrap() -> None:
    """Have the streams of now copy what is written to them."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None or any(stream is known for known, _ in _wrapped):
            continue
        write = stream.write

        def copying(text: str, *rest: Any, _write: Any = write) -> Any:
            written = _write(text, *rest)
            if isinstance(text, str):
                _output.collect(text)
            return written

        try:
            stream.write = copying  # type: ignore[method-assign]
        except AttributeError:  # a stream of somebody's own that takes none
            continue
        _wrapped.append((stream, copying))


def _look() -> None:
    """Pass on what was printed last before the program became quiet."""
    while True:
        time.sleep(_LOOK_SECONDS)
        _output.flush()


def _after_fork() -> None:
    global _looker
    _output.forget()
    _looker = None  # the thread is the other process's


os.register_at_fork(after_in_child=_after_fork)
