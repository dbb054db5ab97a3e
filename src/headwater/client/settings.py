"""Which server a client talks to and how, from MLflow's environment variables.

Names and meanings are MLflow's, so that what works for ``import mlflow`` works here.
"""

import configparser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from headwater.errors import ConfigurationError

_DEFAULT_TIMEOUT = 120.0
_DEFAULT_RETRIES = 4
_MOST_RETRIES = 10
"""MLflow's own limit."""

_TRUE, _FALSE = frozenset({"true", "1"}), frozenset({"false", "0"})

_SCHEMES: Mapping[str, str] = {
    "headwater": "http",
    "headwater+http": "http",
    "headwater+https": "https",
}
"""Schemes of servers whose clients write through a spool, and what they are reached by."""

_HOW_TO_NAME = (
    "name the server with --tracking-uri (tracking_uri in Python) or MLFLOW_TRACKING_URI, "
    "such as http://localhost:5000"
)


@dataclass(frozen=True)
class ConnectionSettings:
    """A server and how to reach it; its text never shows a secret."""

    url: str
    """Scheme, host, port and path prefix, without a trailing slash and without credentials."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    """Sent as bearer token where there are no user name and password."""

    workspace: str | None = None
    insecure_tls: bool = False
    """Do not verify the server's certificate."""

    server_certificates: Path | None = None
    """Certificates to trust: a file, or a directory of them. None is the usual ones."""

    client_certificate: Path | None = None
    """Certificate and key, in one file, that this client shows."""

    timeout: float = _DEFAULT_TIMEOUT
    """Seconds to wait for the server's next bytes."""

    retries: int = _DEFAULT_RETRIES
    """How often a request that may be sent again is, at most."""


def connection_settings(
    tracking_uri: str | None, environment: Mapping[str, str], home: Path | None = None
) -> ConnectionSettings:
    """Return the settings for the server at `tracking_uri`, or else the environment's.

    `home` is where MLflow looks for its file of credentials.

    Raises:
        ConfigurationError: no server is named, or a setting cannot be used; says which.
    """
    uri = _server(tracking_uri or environment.get("MLFLOW_TRACKING_URI", ""))
    username, password = _credentials(uri, environment, home)
    settings = ConnectionSettings(
        _without_credentials(uri),
        username,
        password,
        _secret(environment, "MLFLOW_TRACKING_TOKEN"),
        environment.get("MLFLOW_WORKSPACE") or None,
        _flag(environment, "MLFLOW_TRACKING_INSECURE_TLS"),
        _existing(environment, "MLFLOW_TRACKING_SERVER_CERT_PATH")
        or _existing(environment, "REQUESTS_CA_BUNDLE"),
        _existing(environment, "MLFLOW_TRACKING_CLIENT_CERT_PATH"),
        _number(environment, "MLFLOW_HTTP_REQUEST_TIMEOUT", _DEFAULT_TIMEOUT),
        min(
            int(_number(environment, "MLFLOW_HTTP_REQUEST_MAX_RETRIES", _DEFAULT_RETRIES)),
            _MOST_RETRIES,
        ),
    )
    if settings.insecure_tls and environment.get("MLFLOW_TRACKING_SERVER_CERT_PATH"):
        raise ConfigurationError(
            "MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH exclude each other; "
            "unset one of them"
        )
    if _flag(environment, "MLFLOW_TRACKING_AWS_SIGV4") or environment.get("MLFLOW_TRACKING_AUTH"):
        raise ConfigurationError(
            "MLFLOW_TRACKING_AWS_SIGV4 and MLFLOW_TRACKING_AUTH work in MLflow's own client only; "
            "unset them, and authenticate with MLFLOW_TRACKING_TOKEN or a user name and password"
        )
    return settings


def is_spooled(uri: str) -> bool:
    """Say whether a URI names a server that is written to through a spool."""
    return uri.partition("://")[0] in _SCHEMES


def http_uri(uri: str) -> str:
    """Return the HTTP URI of a server that is named with a ``headwater`` scheme; others as is."""
    scheme, separator, rest = uri.partition("://")
    return f"{_SCHEMES.get(scheme, scheme)}{separator}{rest}"


def _server(uri: str) -> SplitResult:
    if not uri:
        raise ConfigurationError(f"no server is named; {_HOW_TO_NAME}")
    try:
        split = urlsplit(http_uri(uri))
        usable = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        usable = False
    if not usable:
        shown = uri.rpartition("@")[2]  # what stands before may be a password
        raise ConfigurationError(
            f"the tracking URI {shown!r} does not name a server over HTTP; {_HOW_TO_NAME}"
        )
    if split.query or split.fragment:
        raise ConfigurationError("the tracking URI must end with its path, without ? or #")
    return split


def _without_credentials(uri: SplitResult) -> str:
    return f"{uri.scheme}://{uri.netloc.rpartition('@')[2]}{uri.path}".rstrip("/")


def _credentials(
    uri: SplitResult, environment: Mapping[str, str], home: Path | None
) -> tuple[str | None, str | None]:
    """Return user name and password: the environment's, else the file's, else the URI's."""
    file = _credentials_file(home or Path.home())
    username = _secret(environment, "MLFLOW_TRACKING_USERNAME") or file.get(
        "mlflow_tracking_username"
    )
    password = _secret(environment, "MLFLOW_TRACKING_PASSWORD") or file.get(
        "mlflow_tracking_password"
    )
    if username and password:
        return username, password
    if uri.username is not None and not environment.get("MLFLOW_TRACKING_TOKEN"):
        return unquote(uri.username), unquote(uri.password or "")
    return None, None


def _credentials_file(home: Path) -> Mapping[str, str]:
    path = home / ".mlflow" / "credentials"
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        # What the parser says may quote the line that it did not understand.
        raise ConfigurationError(f"{path} cannot be read as a file of credentials") from None
    return dict(parser["mlflow"]) if parser.has_section("mlflow") else {}


def _secret(environment: Mapping[str, str], name: str) -> str | None:
    value = environment.get(name)
    if value and any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ConfigurationError(f"{name} holds a line break or another control character")
    return value or None


def _flag(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").lower()
    if value and value not in _TRUE | _FALSE:
        raise ConfigurationError(f"{name} must be true or false, not {value!r}")
    return value in _TRUE


def _number(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name, "")
    if not text:
        return default
    if not text.isdecimal():
        raise ConfigurationError(f"{name} must be a whole number, not {text!r}")
    return int(text)


def _existing(environment: Mapping[str, str], name: str) -> Path | None:
    if not environment.get(name):
        return None
    path = Path(environment[name])
    if not path.exists():
        raise ConfigurationError(f"{name} names {path}, which does not exist")
    return path
