"""Whatever `validate` lets pass, MLflow takes unchanged."""

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.entities import key_name
from headwater.errors import NotServedError
from headwater.tracking import validate

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow's own use of deprecated functions
    from mlflow.utils import validation

_TEXTS = st.one_of(
    st.text(max_size=12),
    st.text("ab./ _-:é\n\\~0", max_size=8),
    st.integers(245, 255).map(lambda length: "k" * length),
)


def passes(check: object, *values: str) -> bool:
    assert callable(check)
    try:
        check(*values)
    except NotServedError:
        return False
    return True


@given(_TEXTS)
def test_a_key_that_passes_is_one_that_mlflow_takes(name: str) -> None:
    if passes(validate.key, name):
        assert validation._validate_param(name, "v").key == name
        assert validation._validate_tag(name, "v").key == name
        validation._validate_metric(name, 1.0, 1, 1)
    elif not name.endswith("\n"):
        with pytest.raises(Exception, match=r"Invalid value|exceeds the maximum"):
            validation._validate_param(name, "v")


@pytest.mark.parametrize(
    ("check", "limit"),
    [
        (validate.param_value, 6_000),
        (validate.tag_value, 8_000),
        (validate.experiment_name, 500),
    ],
)
def test_values_up_to_mlflows_limit_pass(check: object, limit: int) -> None:
    assert passes(check, "☃" * limit)
    assert not passes(check, "☃" * (limit + 1))


def test_the_limits_are_mlflows() -> None:
    assert key_name.MAX_KEY_LENGTH == validation.MAX_ENTITY_KEY_LENGTH
    assert validate.MAX_PARAM_VALUE_LENGTH == validation.MAX_PARAM_VAL_LENGTH
    assert validate.MAX_TAG_VALUE_LENGTH == validation.MAX_TAG_VAL_LENGTH
    assert validate.MAX_EXPERIMENT_NAME_LENGTH == validation.MAX_EXPERIMENT_NAME_LENGTH


@given(st.one_of(_TEXTS, st.integers(0, 10**20).map(str), st.from_regex(r"\s?0?[0-9]+\s?")))
def test_an_experiment_id_that_passes_is_canonical(text: str) -> None:
    if passes(validate.experiment_id, text):
        assert str(validate.experiment_id(text)) == text


@given(st.one_of(_TEXTS, st.uuids().map(lambda value: value.hex)))
def test_a_run_id_that_passes_is_one_that_mlflow_takes(text: str) -> None:
    if passes(validate.run_id, text):
        validation._validate_run_id(text)


def test_reserved_experiment_tags_do_not_pass() -> None:
    assert passes(validate.experiment_tag, "mlflow.note.content", "text")
    assert not passes(validate.experiment_tag, "mlflow.customView.x", "{}")
    assert not passes(validate.experiment_tag, "mlflow.trace.archivalRetention", "30d")
