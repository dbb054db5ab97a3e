"""Reads what runs of a Headwater have captured and printed, from a server or a database."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from headwater.client.captures import get_captures, get_diff, get_output
from headwater.client.connection import Connection
from headwater.client.settings import connection_settings
from headwater.errors import NotFoundError, UnknownRouteError
from headwater.mlflow_plugin.metric_store import open_store
from headwater.storage.metadata import run_captures, run_output
from headwater.wire.capture import Captured
from headwater.wire.operations import LARGEST_OUTPUT, AppendOutput, CaptureRun, Operation

_MOST_RANKS = 1_000
_ALL = 1 << 40


class CaptureSource(ABC):
    """Where captures are read."""

    @abstractmethod
    def captures(self, run_id: str) -> Sequence[tuple[int, Captured, bytes | None]]:
        """Return rank, what it has told, and its difference to the commit, of each rank."""

    @abstractmethod
    def outputs(self, run_id: str) -> Sequence[tuple[int, str]]:
        """Return each rank that has printed something, and what is kept of it."""


class NoCaptures(CaptureSource):
    """A store of MLflow's, which knows of none."""

    def captures(self, run_id: str) -> Sequence[tuple[int, Captured, bytes | None]]:  # noqa: ARG002
        """See `CaptureSource`."""
        return ()

    def outputs(self, run_id: str) -> Sequence[tuple[int, str]]:  # noqa: ARG002
        """See `CaptureSource`."""
        return ()


class ServerCaptures(CaptureSource):
    """A server, which may be MLflow's own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def captures(self, run_id: str) -> Sequence[tuple[int, Captured, bytes | None]]:
        """See `CaptureSource`."""
        try:
            found = get_captures(self._connection, run_id)
        except UnknownRouteError:
            return ()
        return [
            (each.rank, each.captured, get_diff(self._connection, run_id, each.rank))
            for each in found
        ]

    def outputs(self, run_id: str) -> Sequence[tuple[int, str]]:
        """See `CaptureSource`."""
        try:
            ranks = get_output(self._connection, run_id, 0, 0)["ranks"]
        except UnknownRouteError:
            return ()
        return [(rank, self._output(run_id, rank)) for rank in ranks]

    def _output(self, run_id: str, rank: int) -> str:
        texts: list[str] = []
        at, end = 0, 1
        while at < end:
            part = get_output(self._connection, run_id, rank, at)
            texts.append(part["text"])
            if part["after"] <= at:  # the rest of a character that was cut off
                break
            at, end = part["after"], part["end"]
        return "".join(texts)


class DatabaseCaptures(CaptureSource):
    """A database of Headwater's."""

    def __init__(self, store: Any) -> None:
        """`store` is one of `headwater.mlflow_plugin.metric_store`."""
        self._store = store

    def captures(self, run_id: str) -> Sequence[tuple[int, Captured, bytes | None]]:
        """See `CaptureSource`."""
        with self._store.reading() as connection:
            return [
                (
                    each.rank,
                    msgspec.json.decode(each.captured, type=Captured),
                    run_captures.diff(connection, run_id, each.rank),
                )
                for each in run_captures.of_run(connection, run_id, _MOST_RANKS)
            ]

    def outputs(self, run_id: str) -> Sequence[tuple[int, str]]:
        """See `CaptureSource`."""
        with self._store.reading() as connection:
            return [
                (rank, _text(run_output.read(connection, run_id, rank, 0, _ALL).content))
                for rank in run_output.ranks(connection, run_id)
            ]


@contextmanager
def capture_source(uri: str) -> Iterator[CaptureSource]:
    """Open what a tracking URI names."""
    if uri.startswith("headwater+sqlite:") or uri.startswith("headwater+postgresql:"):
        store = open_store(uri, None)
        try:
            yield DatabaseCaptures(store)
        finally:
            store.engine.dispose()
    elif uri.startswith(("http:", "https:")):
        with Connection(connection_settings(uri, os.environ)) as connection:
            yield ServerCaptures(connection)
    else:
        yield NoCaptures()


def capture_operations(
    source: CaptureSource, target: Connection, run_id: str
) -> Iterator[Operation]:
    """Yield what brings a run's captures to a server, and of its output what that lacks."""
    for rank, captured, diff in source.captures(run_id):
        yield CaptureRun(run_id, captured=captured, diff=diff, rank=rank)
    for rank, text in source.outputs(run_id):
        there = 0
        with suppress(NotFoundError):
            there = get_output(target, run_id, rank, 0)["end"]
        rest = text.encode()[there:].decode(errors="ignore")
        for first in range(0, len(rest), LARGEST_OUTPUT):
            part = rest[first : first + LARGEST_OUTPUT]
            yield AppendOutput(run_id, text=part, rank=rank)


def _text(content: bytes) -> str:
    """Decode a stream of which the beginning may be lost, in the midst of a character."""
    start = 0
    while start < len(content) and content[start] & 0xC0 == 0x80:
        start += 1
    return content[start:].decode(errors="replace")
