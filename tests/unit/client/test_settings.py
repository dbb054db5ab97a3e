from pathlib import Path

import pytest

from headwater.client.settings import connection_settings
from headwater.errors import ConfigurationError

SERVER = "http://localhost:5000"


def test_an_argument_wins_over_the_environment(tmp_path: Path) -> None:
    environment = {"MLFLOW_TRACKING_URI": "http://elsewhere:5000"}
    assert connection_settings(SERVER, environment, tmp_path).url == SERVER
    assert connection_settings(None, environment, tmp_path).url == "http://elsewhere:5000"


def test_keeps_the_path_prefix_without_a_trailing_slash(tmp_path: Path) -> None:
    settings = connection_settings("https://ml.example/team/", {}, tmp_path)
    assert settings.url == "https://ml.example/team"


@pytest.mark.parametrize(
    "uri",
    ["", "sqlite:///mlflow.db", "./mlruns", "databricks", "http://", "http://[", "http://a:x"],
)
def test_refuses_what_is_no_server_over_http(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="MLFLOW_TRACKING_URI"):
        connection_settings(None, {"MLFLOW_TRACKING_URI": uri}, tmp_path)


def test_refuses_a_query(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="without"):
        connection_settings("http://localhost:5000/?a=b", {}, tmp_path)


def test_credentials_come_from_the_environment_then_the_file_then_the_uri(tmp_path: Path) -> None:
    uri = "http://in-uri:p%40ss@localhost:5000"
    settings = connection_settings(uri, {}, tmp_path)
    assert (settings.url, settings.username, settings.password) == (SERVER, "in-uri", "p@ss")
    file = tmp_path / ".mlflow" / "credentials"
    file.parent.mkdir()
    file.write_text("[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = 5%x\n")
    settings = connection_settings(uri, {}, tmp_path)
    assert (settings.username, settings.password) == ("ann", "5%x")
    environment = {"MLFLOW_TRACKING_USERNAME": "eve", "MLFLOW_TRACKING_PASSWORD": "secret"}
    settings = connection_settings(uri, environment, tmp_path)
    assert (settings.username, settings.password) == ("eve", "secret")


def test_no_text_shows_a_secret(tmp_path: Path) -> None:
    environment = {
        "MLFLOW_TRACKING_USERNAME": "eve",
        "MLFLOW_TRACKING_PASSWORD": "hush-1",
        "MLFLOW_TRACKING_TOKEN": "hush-2",
    }
    assert "hush" not in repr(connection_settings("http://a:hush-3@b", environment, tmp_path))
    with pytest.raises(ConfigurationError) as refused:
        connection_settings("htp://a:hush-3@b", {}, tmp_path)
    assert "hush" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="MLFLOW_TRACKING_TOKEN") as refused:
        connection_settings(SERVER, {"MLFLOW_TRACKING_TOKEN": "hush\n"}, tmp_path)
    assert "hush" not in str(refused.value)
    file = tmp_path / ".mlflow" / "credentials"
    file.parent.mkdir()
    file.write_text("hush")
    with pytest.raises(ConfigurationError, match="credentials") as refused:
        connection_settings(SERVER, {}, tmp_path)
    assert "hush" not in str(refused.value)


def test_reads_what_mlflow_reads(tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    environment = {
        "MLFLOW_TRACKING_SERVER_CERT_PATH": str(certificate),
        "MLFLOW_TRACKING_CLIENT_CERT_PATH": str(certificate),
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "7",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "50",
        "MLFLOW_WORKSPACE": "team",
    }
    settings = connection_settings(SERVER, environment, tmp_path)
    assert settings.server_certificates == certificate
    assert settings.client_certificate == certificate
    assert (settings.timeout, settings.retries, settings.workspace) == (7.0, 10, "team")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_TRACKING_INSECURE_TLS", "perhaps"),
        ("MLFLOW_TRACKING_SERVER_CERT_PATH", "/no/such/file"),
        ("MLFLOW_TRACKING_CLIENT_CERT_PATH", "/no/such/file"),
        ("MLFLOW_HTTP_REQUEST_TIMEOUT", "soon"),
        ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "-1"),
        ("MLFLOW_TRACKING_AWS_SIGV4", "true"),
        ("MLFLOW_TRACKING_AUTH", "kubernetes"),
    ],
)
def test_names_the_setting_that_it_cannot_use(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=name):
        connection_settings(SERVER, {name: value}, tmp_path)


def test_refuses_to_verify_and_not_to_verify(tmp_path: Path) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    environment = {
        "MLFLOW_TRACKING_INSECURE_TLS": "true",
        "MLFLOW_TRACKING_SERVER_CERT_PATH": str(certificate),
    }
    with pytest.raises(ConfigurationError, match="exclude each other"):
        connection_settings(SERVER, environment, tmp_path)
