"""How a bucket is reached, by the environment variables of MLflow's S3 code and of AWS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from headwater.errors import ConfigurationError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config

_TRUE = frozenset({"true", "1"})
_DEFAULT_ATTEMPTS = 6
_REQUEST_SECONDS = 30
"""Of a part, at most: 8 MiB at 2 megabits a second, four of them at a time."""

_CONNECT_SECONDS = 5
_RETRY_SECONDS = 60
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE")
_CONTAINER = (
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables that lead to credentials without the files of profiles."""


@dataclass(frozen=True)
class S3Settings:
    """What the client of a bucket is made with."""

    config: "S3Config"
    client: "ClientConfig"
    retry: "RetryConfig"
    profile: bool
    """Credentials are those of a profile in AWS's files."""


def s3_settings(environment: Mapping[str, str], home: Path) -> S3Settings:
    """Return the settings; keys and tokens stay in the environment, where obstore finds them.

    Raises:
        ConfigurationError: a variable has a value that cannot be heeded.
    """
    config, client = _encryption(environment), _client(environment)
    endpoint = _first(
        environment, "MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"
    )
    if endpoint is not None:
        config["endpoint"] = endpoint.rstrip("/")
        client["allow_http"] = endpoint.startswith("http://")
    region = _first(environment, "AWS_REGION", "AWS_DEFAULT_REGION")
    if region is not None:
        config["region"] = region
    if environment.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE") == "virtual":
        config["virtual_hosted_style_request"] = True
    return S3Settings(config, client, _retry(environment), _has_profile(environment, home))


def _client(environment: Mapping[str, str]) -> "ClientConfig":
    client: ClientConfig = {
        "timeout": timedelta(seconds=_REQUEST_SECONDS),
        "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
    }
    if environment.get("MLFLOW_S3_IGNORE_TLS", "").lower() in _TRUE:
        client["allow_invalid_certificates"] = True
    bundle = _first(environment, "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
    if bundle is not None:
        try:
            client["root_certificate"] = Path(bundle).read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"the certificates {bundle} cannot be read: {error.strerror}"
            ) from error
    return client


def _encryption(environment: Mapping[str, str]) -> "S3Config":
    """Return what MLflow would send with each upload, as far as it concerns encryption."""
    config: S3Config = {}
    if environment.get("MLFLOW_S3_EXPECTED_BUCKET_OWNER"):
        raise ConfigurationError(
            "MLFLOW_S3_EXPECTED_BUCKET_OWNER cannot be checked by the artifact store; unset it"
        )
    given = environment.get("MLFLOW_S3_UPLOAD_EXTRA_ARGS")
    if not given:
        return config
    try:
        arguments = json.loads(given)
    except ValueError as error:
        raise ConfigurationError("MLFLOW_S3_UPLOAD_EXTRA_ARGS is no JSON") from error
    for name, value in arguments.items() if isinstance(arguments, dict) else [("a list", "")]:
        if name == "ServerSideEncryption":
            config["server_side_encryption"] = value
        elif name == "SSEKMSKeyId":
            config["sse_kms_key_id"] = value
        else:
            raise ConfigurationError(
                f"MLFLOW_S3_UPLOAD_EXTRA_ARGS: the artifact store does not know {name}; it takes "
                "ServerSideEncryption and SSEKMSKeyId"
            )
    return config


def _retry(environment: Mapping[str, str]) -> "RetryConfig":
    attempts = environment.get("AWS_MAX_ATTEMPTS") or str(_DEFAULT_ATTEMPTS)
    if not attempts.isdecimal() or int(attempts) < 1:
        raise ConfigurationError(f"AWS_MAX_ATTEMPTS must be a number from 1 on, not {attempts!r}")
    return {
        "max_retries": int(attempts) - 1,
        "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
        "backoff": {
            "init_backoff": timedelta(seconds=_FIRST_PAUSE_SECONDS),
            "max_backoff": timedelta(seconds=_LONGEST_PAUSE_SECONDS),
            "base": 2,
        },
    }


def _has_profile(environment: Mapping[str, str], home: Path) -> bool:
    if environment.get("AWS_PROFILE"):
        return True
    if _first(environment, *_KEYS, *_CONTAINER) is not None:
        return False
    named = environment.get("AWS_SHARED_CREDENTIALS_FILE")
    return (Path(named) if named else home / ".aws" / "credentials").is_file()


def _first(environment: Mapping[str, str], *names: str) -> str | None:
    return next((environment[name] for name in names if environment.get(name)), None)
