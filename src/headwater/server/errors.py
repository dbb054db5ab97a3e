"""Headwater's exceptions as HTTP answers in MLflow's error format."""

import json
from dataclasses import dataclass

from headwater.errors import (
    ArtifactStoreError,
    ConfigurationError,
    CorruptBlockError,
    DatabaseBusyError,
    DatabaseError,
    DatabaseFullError,
    HeadwaterError,
    NotServedError,
    ReproductionError,
    RequestError,
    SchemaError,
    ServerError,
    SpoolError,
    StaleCompactionError,
    StatementTimeoutError,
    StoreFullError,
    StoreUnavailableError,
    UpstreamError,
)

_HTTP_STATUS = {
    "INTERNAL_ERROR": 500,
    "INVALID_PARAMETER_VALUE": 400,
    "QUOTA_EXCEEDED": 413,  # not 429 or 507, which mean that trying again later may help
    "RESOURCE_CONFLICT": 409,
    "RESOURCE_ALREADY_EXISTS": 400,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "TEMPORARILY_UNAVAILABLE": 503,
}
"""The statuses of MLflow's error codes, as far as native handlers answer with them."""

_CLASSIFICATION = {
    "DEADLINE_EXCEEDED": ("XXM00", "CLIENT_INTERNAL_ERROR"),
    "INTERNAL_ERROR": ("XXM00", "CLIENT_INTERNAL_ERROR"),
    "INVALID_PARAMETER_VALUE": ("KAM00", "INVALID_PARAMETER_VALUE"),
    "QUOTA_EXCEEDED": ("KAM00", "QUOTA_EXCEEDED"),
    "RESOURCE_CONFLICT": ("KAM00", "RESOURCE_CONFLICT"),
    "RESOURCE_ALREADY_EXISTS": ("KAM00", "RESOURCE_ALREADY_EXISTS"),
    "RESOURCE_DOES_NOT_EXIST": ("KAM00", "RESOURCE_NOT_FOUND"),
    "TEMPORARILY_UNAVAILABLE": ("XXM00", "CLIENT_INTERNAL_ERROR"),
}
"""SQLSTATE and error class that MLflow adds to each code."""


@dataclass(frozen=True)
class ErrorAnswer:
    """An error as the client sees it."""

    status: int
    error_code: str
    message: str
    retry_after: int | None = None
    """Seconds after which the same request may succeed."""

    def body(self) -> bytes:
        """Return MLflow's JSON for the error."""
        sqlstate, error_class = _CLASSIFICATION[self.error_code]
        return json.dumps(
            {
                "error_code": self.error_code,
                "message": self.message,
                "sqlstate": sqlstate,
                "error_class": error_class,
            }
        ).encode()

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that belong to the error itself."""
        if self.retry_after is None:
            return []
        return [(b"retry-after", str(self.retry_after).encode())]


INTERNAL = ErrorAnswer(500, "INTERNAL_ERROR", "Internal error; the server's log has the details.")
TOO_LARGE = ErrorAnswer(
    413,
    "INVALID_PARAMETER_VALUE",
    "The request body has more than 8 MiB; send it in several requests.",
)
STARTING = ErrorAnswer(
    503, "TEMPORARILY_UNAVAILABLE", "The server is preparing its database; try again.", 5
)
STOPPING = ErrorAnswer(
    503, "TEMPORARILY_UNAVAILABLE", "The server is stopping; send the file again.", 5
)

_INTERNAL_TEXTS: dict[type[HeadwaterError], str] = {
    ArtifactStoreError: "The artifact store fails: ",
    ConfigurationError: "The server is configured wrongly: ",
    CorruptBlockError: "Stored metrics are damaged; restore them from a backup: ",
    NotServedError: "MLflow's own code must answer this request and did not: ",
    ReproductionError: "A run could not be done again: ",
    ServerError: "Another server that was asked did not answer as it should: ",
    SpoolError: "A spool of what is to be sent cannot be used: ",
    SchemaError: "The database does not fit this server: ",
    StaleCompactionError: "The metrics were compacted by another process meanwhile: ",
    DatabaseError: "The database refused the work and stored nothing: ",
}


def answer_for(error: HeadwaterError) -> ErrorAnswer:
    """Return how an exception is answered."""
    if isinstance(error, RequestError):
        return ErrorAnswer(_HTTP_STATUS[error.error_code], error.error_code, str(error))
    if isinstance(error, DatabaseBusyError):
        return _unavailable(
            f"The database is locked by another process; nothing was stored, try again. ({error})"
        )
    if isinstance(error, StatementTimeoutError):
        # Not 503 or 504: clients would send the same search again, five times and more.
        return ErrorAnswer(
            422,
            "DEADLINE_EXCEEDED",
            f"The search was stopped: it took longer than the server allows ({error}). Narrow it: "
            "compare params and tags with =, metrics with a number, name fewer experiments; or "
            "start the server with a larger --search-timeout.",
        )
    if isinstance(error, (UpstreamError, StoreUnavailableError)):
        return _unavailable(str(error))
    if isinstance(error, (DatabaseFullError, StoreFullError)):
        # Not 503: clients would retry for minutes before they show the message.
        return ErrorAnswer(
            507,
            "INTERNAL_ERROR",
            "The server's disk is full; nothing was stored. Free space on it, "
            f"then send the request again. ({error})",
        )
    prefix = next(text for kind, text in _INTERNAL_TEXTS.items() if isinstance(error, kind))
    return ErrorAnswer(500, "INTERNAL_ERROR", f"{prefix}{error}")


def _unavailable(message: str) -> ErrorAnswer:
    return ErrorAnswer(503, "TEMPORARILY_UNAVAILABLE", message, retry_after=2)
