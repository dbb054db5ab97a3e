"""Random sequences of ordinary calls leave Headwater and MLflow with the same answers and rows."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.server.rest.twins import PATHS, Twins

_POSITIONS = st.integers(0, 3)
_KEYS = st.sampled_from(["k", "a/b", "mlflow.runName", "mlflow.note.content", "é", "a//b"])
_VALUES = st.sampled_from(["", "1", "2", "☃"])
_NAMES = st.sampled_from(["one", "two", "Default", ""])
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "key": _KEYS,
    "value": _VALUES,
    "run_name": _VALUES,
    "user_id": _VALUES,
    "status": st.sampled_from(["RUNNING", "FINISHED", "KILLED", 4, "NO"]),
    "start_time": st.integers(-1, 3),
    "end_time": st.integers(-1, 3),
    "new_name": _NAMES,
    "name": _NAMES,
    "tags": st.lists(
        st.fixed_dictionaries({"key": _KEYS}, optional={"value": _VALUES}), max_size=2
    ),
}
_TAKES = {
    "create_experiment": ["name", "tags?"],
    "get_experiment_by_name": [],
    "update_experiment": ["new_name"],
    "set_experiment_tag": ["key", "value?"],
    "delete_experiment_tag": ["key"],
    "create_run": ["user_id?", "run_name?", "start_time?", "tags?"],
    "update_run": ["status?", "end_time?", "run_name?"],
    "log_parameter": ["key", "value?"],
    "set_tag": ["key", "value?"],
    "delete_tag": ["key"],
}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, int, dict[str, Any]]:
    """A verb, the position of the run or experiment it names, and its other fields."""
    verb = draw(st.sampled_from(sorted(PATHS)))
    message = {}
    for field in _TAKES.get(verb, []):
        if not field.endswith("?") or draw(st.booleans()):
            message[field.rstrip("?")] = draw(_FIELDS[field.rstrip("?")])
    return verb, draw(_POSITIONS), message


def subject(verb: str, position: int, experiments: list[str], runs: list[str]) -> dict[str, str]:
    """The fields that name what a call is about; positions beyond the end name nothing."""
    if verb == "create_experiment":
        return {}
    if verb == "get_experiment_by_name":
        return {"experiment_name": ["one", "two", "Default", "none"][position]}
    if "experiment" in verb or verb == "create_run":
        return {"experiment_id": [*experiments, "987", "987", "987"][position]}
    return {"run_id": [*runs, *["f" * 32] * 4][position]}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(calls(), min_size=5, max_size=25))
def test_sequences_agree(twins: Twins, sequence: list[tuple[str, int, dict[str, Any]]]) -> None:
    twins.forget()
    experiments, runs = ["0"], list[str]()
    for verb, position, message in sequence:
        answer = twins.call(verb, {**subject(verb, position, experiments, runs), **message})
        if answer.status == 200 and verb == "create_experiment":
            experiments.append(answer["experiment_id"])
        if answer.status == 200 and verb == "create_run":
            runs.append(answer["run"]["info"]["run_id"])
