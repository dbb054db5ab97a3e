"""Whether MLflow takes a value exactly as it is.

What it would refuse, truncate or normalise raises `NotServedError`: MLflow's own code answers.
"""

import re
from functools import lru_cache

from headwater.entities.key_name import key_fault
from headwater.errors import NotServedError

MAX_PARAM_VALUE_LENGTH = 6_000
MAX_TAG_VALUE_LENGTH = 8_000
MAX_EXPERIMENT_NAME_LENGTH = 500
MAX_EXPERIMENT_TAG_VALUE_LENGTH = 5_000
"""Since 3.16 MLflow takes 20,000 characters."""

_RUN_ID = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_\-]{0,255}")
_EXPERIMENT_ID = re.compile(r"0|[1-9][0-9]{0,17}")

_PLAIN_EXPERIMENT_TAGS = frozenset({"mlflow.note.content", "mlflow.experimentKind"})
"""Reserved experiment tags to which no MLflow release attaches a rule."""


@lru_cache(maxsize=16_384)
def key(name: str) -> str:
    """Return the name of a metric, param or tag that MLflow takes; remembers the good ones."""
    if fault := key_fault(name):
        raise NotServedError(fault)
    return name


def param_value(value: str) -> str:
    """Return the value of a param that MLflow stores unshortened."""
    return _within(value, MAX_PARAM_VALUE_LENGTH)


def tag_value(value: str) -> str:
    """Return the value of a run's tag that MLflow stores unshortened."""
    return _within(value, MAX_TAG_VALUE_LENGTH)


def experiment_tag(name: str, value: str) -> tuple[str, str]:
    """Return an experiment's tag (key, value) that no special rule of MLflow concerns."""
    if name.startswith("mlflow.") and name not in _PLAIN_EXPERIMENT_TAGS:
        raise NotServedError(f"the reserved experiment tag {name!r}")
    return key(name), _within(value, MAX_EXPERIMENT_TAG_VALUE_LENGTH)


def experiment_name(name: str) -> str:
    """Return a name that MLflow gives an experiment."""
    if not name:
        raise NotServedError("an empty experiment name")
    return _within(name, MAX_EXPERIMENT_NAME_LENGTH)


def experiment_id(text: str) -> int:
    """Return the number of an experiment id in its canonical spelling."""
    if _EXPERIMENT_ID.fullmatch(text) is None:
        raise NotServedError(f"an experiment id that is no plain number: {text[:100]!r}")
    return int(text)


def searched_experiment_id(text: str) -> int:
    """Return the number of an experiment id in any spelling that searches take."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotServedError(f"{text!r} is not a number")
    return int(text)


def run_id(text: str) -> str:
    """Return a well-formed run id."""
    if _RUN_ID.fullmatch(text) is None:
        raise NotServedError(f"an unusual run id: {text[:100]!r}")
    return text


def present(name: str) -> str:
    """Return a key that MLflow looks up as it is: any but the empty one."""
    if not name:
        raise NotServedError("an empty key")
    return name


def _within(value: str, limit: int) -> str:
    if len(value) > limit:
        raise NotServedError(f"a value of {len(value)} characters")
    return value
