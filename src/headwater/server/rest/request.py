"""The part of an HTTP request that a native handler sees."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from headwater.tracking.service import TrackingService

EMPTY_OBJECT = b"{}"
"""The response of verbs that return nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, read to its end."""

    method: str
    query: bytes
    """The query string as sent, without the question mark."""

    body: bytes
    headers: Iterable[tuple[bytes, bytes]] = field(default=(), compare=False)
    """(lower-case name, value)."""


@dataclass(frozen=True, slots=True)
class Content:
    """An answer that is not JSON."""

    body: bytes
    content_type: bytes


Handler = Callable[[TrackingService, Request], Awaitable[bytes | Content]]
"""Answers with the bytes of a 200 JSON response, or with other content.

Raises:
    RequestError: answered in MLflow's error format.
    NotServedError: MLflow's own code answers instead, from the same request.
"""
