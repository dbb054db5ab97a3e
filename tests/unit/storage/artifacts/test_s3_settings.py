from datetime import timedelta
from pathlib import Path

import pytest

from headwater.errors import ConfigurationError
from headwater.storage.artifacts.s3_settings import s3_settings


def test_the_variables_of_mlflow_and_aws_are_heeded(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"certificate")
    found = s3_settings(
        {
            "MLFLOW_S3_ENDPOINT_URL": "http://minio:9000/",
            "MLFLOW_S3_IGNORE_TLS": "true",
            "MLFLOW_S3_UPLOAD_EXTRA_ARGS": '{"ServerSideEncryption": "aws:kms", '
            '"SSEKMSKeyId": "key"}',
            "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE": "virtual",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_CA_BUNDLE": str(tmp_path / "ca.pem"),
            "AWS_MAX_ATTEMPTS": "2",
            "AWS_ACCESS_KEY_ID": "a key",
            "AWS_SECRET_ACCESS_KEY": "a secret",
        },
        tmp_path,
    )
    assert found.config == {
        "endpoint": "http://minio:9000",
        "region": "eu-central-1",
        "server_side_encryption": "aws:kms",
        "sse_kms_key_id": "key",
        "virtual_hosted_style_request": True,
    }
    assert found.client["allow_http"] is True
    assert found.client["allow_invalid_certificates"] is True
    assert found.client["root_certificate"] == b"certificate"
    assert found.retry["max_retries"] == 1
    assert not found.profile
    assert "a secret" not in repr(found)


def test_the_defaults_are_those_of_aws(tmp_path: Path) -> None:
    found = s3_settings({}, tmp_path)
    assert found.config == {}
    assert found.client.keys() == {"timeout", "connect_timeout"}
    assert found.retry["retry_timeout"] == timedelta(seconds=60)
    assert not found.profile


def test_more_special_endpoints_and_regions_go_first(tmp_path: Path) -> None:
    found = s3_settings(
        {
            "AWS_ENDPOINT_URL": "https://all",
            "AWS_ENDPOINT_URL_S3": "https://s3",
            "AWS_REGION": "a",
            "AWS_DEFAULT_REGION": "b",
        },
        tmp_path,
    )
    assert found.config == {"endpoint": "https://s3", "region": "a"}
    assert found.client["allow_http"] is False


def test_profiles_are_used_where_nothing_nearer_is(tmp_path: Path) -> None:
    assert s3_settings({"AWS_PROFILE": "team"}, tmp_path).profile
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").touch()
    assert s3_settings({}, tmp_path).profile
    for name in ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        assert not s3_settings({name: "x"}, tmp_path).profile
    named = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    assert not s3_settings(named, tmp_path).profile


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_S3_UPLOAD_EXTRA_ARGS", '{"ACL": "public-read"}'),
        ("MLFLOW_S3_UPLOAD_EXTRA_ARGS", "["),
        ("MLFLOW_S3_UPLOAD_EXTRA_ARGS", "[]"),
        ("MLFLOW_S3_EXPECTED_BUCKET_OWNER", "123456789012"),
        ("AWS_MAX_ATTEMPTS", "many"),
        ("AWS_MAX_ATTEMPTS", "0"),
        ("AWS_CA_BUNDLE", "/none"),
    ],
)
def test_what_cannot_be_heeded_is_refused(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=name if name != "AWS_CA_BUNDLE" else "/none"):
        s3_settings({name: value}, tmp_path)
