"""One writer's latencies while readers repeat their requests, all driven by one thread."""

import selectors
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.client import Address, Connection, encode, require_ok


@dataclass(frozen=True)
class Beside:
    """What went on at the same time."""

    latencies: Sequence[float]
    """Seconds from sending a write to its whole answer."""

    reads: int
    """Answers to readers."""

    seconds: float
    turned_away: int = 0
    """Answers of 503 to writes, which were sent again."""


_MOST_SECONDS_A_WRITE = 60.0


def time_beside_readers(
    address: Address, writes: Sequence[bytes], reads: Sequence[bytes], most_seconds: float
) -> Beside:
    """Send writes one after the other while each of `reads` is repeated on its own connection.

    Ends with the last write, or with the first that is answered after `most_seconds`. A write that
    the server turns away for now (503) is sent again at once, as clients do after a pause, and its
    latency counts on.
    """
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        writer = stack.enter_context(Connection(address))
        readers = [stack.enter_context(Connection(address)) for _ in reads]
        for connection, request in ((writer, None), *zip(readers, reads, strict=True)):
            connection.fetch(encode("GET", "/health"))
            selector.register(connection.socket, selectors.EVENT_READ, (connection, request))
        for connection, request in zip(readers, reads, strict=True):
            connection.send(request)
        latencies: list[float] = []
        answered = turned_away = 0
        started = sent = time.perf_counter()
        writer.send(writes[0])
        while True:
            for ready, _ in selector.select():
                connection, request = ready.data
                response = connection.receive()
                if response is None:
                    continue
                now = time.perf_counter()
                turned = request is None and response.status == 503
                if turned and now - sent < _MOST_SECONDS_A_WRITE:
                    turned_away += 1
                    writer.send(writes[len(latencies)])
                    continue
                require_ok(response)
                if request is not None:
                    answered += 1
                    connection.send(request)
                    continue
                latencies.append(now - sent)
                if len(latencies) == len(writes) or now - started > most_seconds:
                    seconds = now - started
                    _finish(readers)
                    return Beside(latencies, answered, seconds, turned_away)
                sent = time.perf_counter()
                writer.send(writes[len(latencies)])


def _finish(readers: Sequence[Connection]) -> None:
    """Take the last answer of each reader, so that none is worked on beside what comes next."""
    for reader in readers:
        while reader.receive() is None:
            continue
