"""Delivers to a server what may be delivered twice, or leaves it to the process that sends."""

import sys
from collections.abc import Callable
from typing import Any

import requests
from mlflow.exceptions import MlflowException
from mlflow.utils.rest_utils import http_request, verify_rest_response

from headwater.client.connection import UNAVAILABLE
from headwater.client.spool.outbox import Request
from headwater.client.spool.session import Session
from headwater.errors import SpoolFullError
from headwater.mlflow_plugin.artifact_server import NotReadyError

RETRIES = 1
"""Of a request while a training waits for it. MLflow's seven take minutes."""

SETTLE_SECONDS = 5.0
"""How long who reads waits for what was kept before."""

_GONE = (
    NotReadyError,
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.RetryError,
)
_told: set[str] = set()
"""Spools of which was said that something is kept there."""


def deliver(session: Session, attempt: Callable[[], object], keep: Callable[[], object]) -> None:
    """Call `attempt`, or `keep` where the server is away or something waits for it already.

    `keep` is also called where the server goes while `attempt` is at it; so what that does may be
    done twice.

    Raises:
        MlflowException: the server will not have it, or it cannot be kept.
    """
    if not session.has_waiting() and session.answers():
        try:
            attempt()
        except (MlflowException, OSError) as error:
            if not is_away(error):
                raise
        else:
            return
    try:
        keep()
    except SpoolFullError as error:
        raise MlflowException(f"the server is away, and {error}") from error
    _tell(session)


def send(credentials: Any, request: Request) -> Any:
    """Send a message as MLflow's client does, and return the JSON of the answer.

    Raises:
        MlflowException: the server will not have it, or is away (`is_away`).
    """
    answer = http_request(
        credentials,
        request.path,
        request.method,
        data=request.message.encode(),
        extra_headers={"Content-Type": "application/json"},
        max_retries=RETRIES,
        raise_on_status=False,
    )
    if answer.status_code in UNAVAILABLE:
        raise NotReadyError(f"the server is not ready: {answer.status_code} {answer.reason}")
    return verify_rest_response(answer, request.path).json()


def is_away(error: BaseException | None) -> bool:
    """Say whether an error means that the server could not be reached, or only just not."""
    while error is not None:
        if isinstance(error, _GONE):
            return True
        if isinstance(error, requests.HTTPError) and error.response is not None:
            return error.response.status_code in UNAVAILABLE
        error = error.__cause__ or error.__context__
    return False


def _tell(session: Session) -> None:
    place = str(session.outbox.path)
    if place not in _told:
        _told.add(place)
        sys.stderr.write(
            "headwater: the server is away; artifacts and datasets are kept in "
            f"{place} until it is back\n"
        )
