"""A connection to a Headwater server: requests with retries, its errors as Headwater's.

>>> with connect("http://localhost:5000") as server:
...     tree = server.get(f"{OWN_API}/projects/list")
"""

import base64
import json
import os
import random
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import httpx

from headwater import __version__
from headwater.client.settings import ConnectionSettings, connection_settings
from headwater.errors import (
    AlreadyExistsError,
    ConfigurationError,
    ConflictError,
    HeadwaterError,
    InvalidParameterError,
    NotFoundError,
    RefusedError,
    RequestError,
    ServerError,
    ServerUnreachableError,
    UnknownRouteError,
)

MLFLOW_API = "/api/2.0/mlflow"
OWN_API = "/api/2.0/headwater"

_CONNECT_SECONDS = 10.0
_FIRST_DELAY = 0.25
_LONGEST_DELAY = 10.0
_LONGEST_ASKED_DELAY = 60.0
"""Of what a server may ask for with Retry-After."""

UNAVAILABLE = frozenset({502, 503, 504})
"""Statuses that say that the server is away, not that it will not do something."""

_TRANSIENT = UNAVAILABLE | {408, 429}
"""Statuses after which the same request may succeed."""

_FINAL = frozenset(range(400, 500)) - {401, 403, 407, 408, 425, 429}
"""Statuses of which neither time nor other credentials make another."""

_ERRORS: Mapping[str, type[RequestError]] = {
    error.error_code: error
    for error in (AlreadyExistsError, ConflictError, InvalidParameterError, NotFoundError)
}

_MOST_TEXT = 300
"""Characters of an answer that is no error of MLflow's to quote."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered to a request that it carried out."""

    body: bytes
    content_type: str

    def json(self) -> Any:
        """Return the body's value.

        Raises:
            ServerError: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise ServerError(
                f"the server answered with {self.content_type or 'something'} instead of JSON; "
                "does the tracking URI name a Headwater server?"
            ) from error


class Connection:
    """Sends requests to one server; close it, or use it in a ``with`` statement.

    Requests that could not be sent are sent again, and so are those that may be carried out twice
    (`idempotent`) where the server was busy or the answer did not arrive. One thread at a time.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = settings.url
        self._settings = settings
        self._transport = transport
        self._retries = settings.retries
        self._sleep = sleep
        self._client = httpx.Client(
            headers=_headers(settings),
            timeout=httpx.Timeout(
                settings.timeout, connect=min(_CONNECT_SECONDS, settings.timeout)
            ),
            verify=_tls(settings),
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def another(self, timeout: float) -> "Connection":
        """Return another connection to the server, which waits so many seconds for it."""
        settings = replace(self._settings, timeout=timeout)
        return Connection(settings, transport=self._transport, sleep=self._sleep)

    def close(self) -> None:
        """Close what is open to the server."""
        self._client.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON value that the server has at `path`, such as `OWN_API` + "/…".

        Raises:
            RequestError: the server refused; the message is its own.
            ServerError: it failed, cannot be reached, or is no such server.
        """
        return self.request("GET", path, query=query, idempotent=True).json()

    def post(self, path: str, message: Any, *, idempotent: bool = False) -> Any:
        """Send a JSON message and return the JSON value of the answer. Raises as `get`."""
        return self.request("POST", path, message=message, idempotent=idempotent).json()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        message: Any = None,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str = "application/json",
        idempotent: bool = False,
    ) -> Answer:
        """Send a request and return the answer.

        Its body is `message` as JSON, or `content`, unless None; content that is yielded cannot be
        sent again. Raises as `get`.
        """
        request = self._client.build_request(
            method,
            f"{self.url}{path}",
            params=query,
            json=message,
            content=content,
            headers={"accept": accept, **(headers or {})},
        )
        response = self._send(request, idempotent)
        if response.is_success:
            return Answer(response.content, response.headers.get("content-type", ""))
        raise _error(response, path)

    def is_answered(self) -> bool:
        """Say whether the server answers, rather than nobody or a proxy in its place."""
        try:
            answer = self._client.get(f"{self.url}/health")
        except httpx.TransportError:
            return False
        return answer.status_code not in UNAVAILABLE

    def _send(self, request: httpx.Request, idempotent: bool) -> httpx.Response:
        attempt = 0
        while True:
            try:
                response = self._client.send(request)
            except httpx.TransportError as error:
                unsent = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
                if not (unsent or idempotent) or attempt >= self._retries or _is_final(error):
                    raise ServerUnreachableError(
                        f"the server {self.url} {_failure(error)}"
                    ) from error
                asked = None
            else:
                again = idempotent and response.status_code in _TRANSIENT
                if not again or attempt >= self._retries:
                    return response
                asked = response.headers.get("retry-after")
            self._sleep(_delay(attempt, asked))
            attempt += 1


def connect(tracking_uri: str | None = None) -> Connection:
    """Return a connection to the server that is named, or else MLFLOW_TRACKING_URI's.

    Nothing is sent yet.

    Raises:
        ConfigurationError: no server is named, or a setting cannot be used.
    """
    return Connection(connection_settings(tracking_uri, os.environ))


def _headers(settings: ConnectionSettings) -> dict[str, str]:
    headers = {"user-agent": f"headwater/{__version__}"}
    if settings.username is not None:
        pair = f"{settings.username}:{settings.password or ''}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif settings.token is not None:
        headers["authorization"] = f"Bearer {settings.token}"
    if settings.workspace is not None:
        headers["x-mlflow-workspace"] = settings.workspace
    return headers


def _tls(settings: ConnectionSettings) -> ssl.SSLContext:
    if not settings.url.startswith("https:"):
        # Loading the certificates that are usually trusted takes longer than a request.
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted = settings.server_certificates
    try:
        if trusted is None:
            context = httpx.create_ssl_context()
        elif trusted.is_dir():
            context = ssl.create_default_context(capath=trusted)
        else:
            context = ssl.create_default_context(cafile=trusted)
        if settings.insecure_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if settings.client_certificate is not None:
            context.load_cert_chain(settings.client_certificate)
    except OSError as error:  # SSLError is one
        raise ConfigurationError(f"the certificates cannot be used: {error}") from error
    return context


def _is_final(error: httpx.TransportError) -> bool:
    """Say whether the same request cannot succeed: the certificate or the protocol is wrong."""
    return isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)) or (
        "CERTIFICATE_VERIFY_FAILED" in str(error)
    )


def _failure(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"cannot be reached: no connection within {_CONNECT_SECONDS:.0f} s"
    if isinstance(error, httpx.TimeoutException):
        return (
            "did not answer in time; it may have carried the request out all the same. "
            "MLFLOW_HTTP_REQUEST_TIMEOUT sets the seconds to wait"
        )
    if isinstance(error, httpx.ConnectError):
        return f"cannot be reached: {error}"
    return f"broke off: {error or type(error).__name__}"


def _delay(attempt: int, asked: str | None) -> float:
    """Return the seconds to wait before another attempt."""
    if asked is not None and asked.isdecimal():
        return min(float(asked), _LONGEST_ASKED_DELAY)
    longest: float = min(_FIRST_DELAY * 2**attempt, _LONGEST_DELAY)
    return longest * (0.5 + random.random() / 2)  # noqa: S311  # spreads clients, no secret


def _error(response: httpx.Response, path: str) -> HeadwaterError:
    """Return the error that an answer stands for, with the server's message."""
    url, status = response.request.url.copy_with(query=None), response.status_code
    found = None
    with suppress(ValueError):
        found = json.loads(response.content)
    if isinstance(found, dict) and isinstance(found.get("message"), str):
        kind = _ERRORS.get(str(found.get("error_code")))
        message: str = found["message"]
        if kind is not None:
            return kind(message)
        return (RefusedError if status in _FINAL else ServerError)(f"{message} ({status})")
    if status in (404, 405) and path.startswith(OWN_API):
        return UnknownRouteError(
            f"{url} does not exist; is it a Headwater server, and as new as this client "
            f"({__version__})?"
        )
    if response.has_redirect_location:
        return ServerError(
            f"{url} has moved to {response.headers['location']}; change the tracking URI"
        )
    text = "" if "html" in response.headers.get("content-type", "") else response.text.strip()
    quoted = f": {text[:_MOST_TEXT]}" if text else ""
    failed = RefusedError if status in _FINAL else ServerError
    return failed(f"{url} answered {status} {response.reason_phrase}{quoted}")
