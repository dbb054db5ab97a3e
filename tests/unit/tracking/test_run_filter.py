"""The superset leaves MLflow's language as it is, and says where a filter is wrong."""

import contextlib
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from tests.unit.tracking.filters import mixed_filters, run_filters
from tests.unit.tracking.searched import EXPERIMENTS, Searched

from headwater.entities.expression import And, Comparison, Expression, Field, Not, Or, Related
from headwater.entities.search import Page, RunSearch
from headwater.errors import InvalidParameterError, NotServedError
from headwater.mlflow_release import behaviour_of
from headwater.storage.metadata.base import Connection
from headwater.storage.metadata.find_runs import find_runs
from headwater.storage.metadata.search_runs import runs_statement
from headwater.storage.metrics.series_facts import series_facts
from headwater.tracking.run_filter import parse_run_filter, plan_run_filter

_SHARED = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
_NOW = 1_800_000_000_000
_HOUR = 3_600_000


def satisfying(searched: Searched, expression: Expression) -> set[str]:
    experiments = tuple(int(experiment) for experiment in EXPERIMENTS)
    search = RunSearch(experiments, ("active",), (), (), Page(0, 1000), expression)

    def find(connection: Connection) -> set[str]:
        facts = series_facts(connection, search)
        nan_never_matches = searched.service.behaviour.nan_never_matches
        return set(find_runs(connection, search, facts, nan_never_matches=nan_never_matches))

    return searched.service.database.read_now(find)


@_SHARED
@given(run_filters())
def test_filters_of_mlflow_mean_the_same_in_the_superset(searched: Searched, text: str) -> None:
    stock = searched.mlflow("search_runs", {"experiment_ids": EXPERIMENTS, "filter": text})
    assume(stock.status_code == 200)
    try:
        expression = parse_run_filter(text, now_ms=_NOW)
    except InvalidParameterError:
        event("not in the superset")
        return
    event("in both")
    runs = stock.get_json().get("runs", [])
    if not searched.service.behaviour.keeps_listed_texts and " in " in text.lower():
        return  # such a release drops items of lists
    assert satisfying(searched, expression) == {run["info"]["run_id"] for run in runs}


@_SHARED
@given(mixed_filters())
def test_what_mlflow_accepts_is_answered_as_mlflow_does(searched: Searched, text: str) -> None:
    searched.search("search_runs", {"experiment_ids": EXPERIMENTS, "filter": text})
    event("beyond" if searched.beyond else "native" if searched.natively else "handed over")


_PIECES = st.sampled_from(
    [
        "metrics.loss",
        "params.`a",
        "b`",
        "tags.x",
        "duration",
        "parent.status",
        "OR",
        "and",
        "NOT",
        "(",
        ")",
        ",",
        "IN",
        "BETWEEN",
        "RLIKE",
        "IS",
        "NULL",
        "EXISTS",
        "=",
        "!=",
        "<=",
        "1",
        "-.5",
        "1e3",
        "'x'",
        "'[a'",
        "2h",
        "now()",
        "now",
        "-",
        "+",
        ".",
        "`",
        "'",
        '"',
        "\\",
        "é",
        "\n",
        "🚀",
        "--",
        ";",
        "min",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECES | st.text(max_size=3), max_size=12).map(" ".join))
def test_any_text_is_read_refused_or_handed_over(text: str) -> None:
    try:
        parse_run_filter(text, now_ms=_NOW)
    except InvalidParameterError as error:
        problem, shown, caret = str(error).split("\n")
        assert problem.startswith("Invalid filter, column ")
        assert caret.index("^") <= len(shown)
    with contextlib.suppress(InvalidParameterError, NotServedError):
        plan_run_filter(text, behaviour_of("3.17"), _NOW)


def test_a_server_loads_no_parser_before_it_needs_one() -> None:
    code = (
        "import sys, headwater.server.app, headwater.server.routes\n"
        "from headwater.mlflow_release import behaviour_of\n"
        "from headwater.tracking.run_filter import plan_run_filter\n"
        "plan_run_filter(\"metrics.a > 1 AND tags.b LIKE 'x'\", behaviour_of('3.17'), 0)\n"
        "sys.exit(not {'lark', 're2'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", And(())),
        ("metrics.a.b > 1", Comparison(Field("metric", "a.b"), ">", 1.0)),
        (
            "metrics.loss.min <= -1",
            Comparison(Field("metric", "loss", "min", "loss.min"), "<=", -1.0),
        ),
        ("metrics.`loss`.mean = .5", Comparison(Field("metric", "loss", "mean"), "=", 0.5)),
        ("metrics.`loss.min` = 1", Comparison(Field("metric", "loss.min"), "=", 1.0)),
        ("metrics.min = 1", Comparison(Field("metric", "min"), "=", 1.0)),
        (
            "start_time > now() - 1.5h",
            Comparison(Field("attribute", "start_time"), ">", _NOW - 3 * _HOUR // 2),
        ),
        (
            "run.duration between 90s and 2h",
            Comparison(Field("attribute", "duration"), "BETWEEN", (90_000, 2 * _HOUR)),
        ),
        (
            "parent.params.lr not in (1, 2)",
            Related("parent", Comparison(Field("param", "lr"), "NOT IN", (1.0, 2.0))),
        ),
        ("tags.`a b` not exists", Comparison(Field("tag", "a b"), "IS NULL", None)),
        (r"tags.a rlike '\d+'", Comparison(Field("tag", "a"), "RLIKE", "[0-9]+")),
        (
            "params.a = 'x' or not params.b = 'y' and params.c = 'z'",
            Or(
                (
                    Comparison(Field("param", "a"), "=", "x"),
                    And(
                        (
                            Not(Comparison(Field("param", "b"), "=", "y")),
                            Comparison(Field("param", "c"), "=", "z"),
                        )
                    ),
                )
            ),
        ),
    ],
)
def test_texts_are_read_as_expressions(text: str, expected: Expression) -> None:
    assert parse_run_filter(text, now_ms=_NOW) == expected


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("metrics.a > 1 OR", "", "expected a comparison such as"),
        ("metrics.a > 1 OR metrix.b > 1", "metrix", "Did you mean 'metric'?"),
        ("metrics.a > 1 OR\n  tags.x betwen 1 AND 2", "betwen", "Did you mean 'BETWEEN'?"),
        ("attributes.durations > 2h", "durations", "Did you mean 'duration'?"),
        ("dataset.nam = 'x' OR tags.a = 'b'", "nam", "Did you mean 'name'?"),
        ("(metrics.a > 1", "", "expected )"),
        ("(metrics.a > 1))", ")", "found ')'"),
        ("NOT metrics.a == 1", "= 1", "Equality is a single '='."),
        ("NOT tags.my-tag = 'x'", "-tag", "between back-quotes"),
        ("NOT tags.a = 'x", "'x", "A quote is never closed."),
        ("NOT metrics.a = 'x'", "'x'", "expected a number"),
        ("NOT tags.a < 'x'", "'x'", "texts have no order"),
        ("NOT start_time > 7d", "7d", "expected a time: now() - 7d"),
        ("duration > now()", "now", "expected a duration such as 2h"),
        ("duration > 99999999999999w", "9999", "too many years"),
        ("status > 5 OR tags.a = 'x'", "5", "expected a quoted text"),
        ("NOT tags.a IN ('x', 1)", "1", "all texts, or all numbers"),
        (r"tags.a NOT LIKE 'a\b'", "\\b", "a backslash"),
        ("NOT datasets.name IS NULL", "datasets", "any number of datasets"),
        ("NOT metrics.a RLIKE 'x'", "'x'", "RLIKE is for texts"),
        ("tags.a RLIKE 'a(b'", "(b", "never closed"),
        ("tags.a RLIKE 'a)'", ")'", "closes nothing"),
        ("tags.a RLIKE 'b(a{100}){100}'", "b(", "at most 1,000 signs"),
        (f"tags.a RLIKE '{'|'.join(['(a{100}){9}'] * 2)}'", "(a", "at most 1,000 signs"),
        ("tags.a RLIKE 'a*?'", "?", "not supported"),
        ("tags.a RLIKE '[b-a]'", "b-a", "a later one"),
        (r"tags.a RLIKE '\bx'", "\\b", "not supported"),
        ("tags.a RLIKE '(?i)x'", "?i", "only (...) and (?:...)"),
        (f"tags.a RLIKE '{'x' * 501}'", "xxx", "at most 500 characters"),
        ("metrics.`a`.`b`.min > 1 OR tags.x = 'a'", "`a`", "quote the whole key"),
    ],
)
def test_errors_point_at_the_place(text: str, at: str, says: str) -> None:
    with pytest.raises(InvalidParameterError) as caught:
        plan_run_filter(text, behaviour_of("3.17"), _NOW)
    problem, shown, caret = str(caught.value).split("\n")
    assert says in problem
    if at:
        assert shown[caret.index("^") :].startswith(at)
    else:
        assert caret.index("^") == len(shown)


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a > 1 AND",
        "metrics.a == 1",
        "metrics.a > 'x'",
        "metrics.loss.min > 'x'",
        "tags.or = 5a",
        "tags.a = 'OR (x",
        "tags.a IN (1, 'x')",
        "tags.a NOT IN (1, 'x')",
        "nothing = 'x'",
        "params.duration = x",
        r"params.duration = 'a\b'",
        "lifecycle_stage = 'active'",
    ],
)
def test_what_was_not_meant_for_the_superset_is_refused_by_mlflow(text: str) -> None:
    with pytest.raises(NotServedError):
        plan_run_filter(text, behaviour_of("3.17"), _NOW)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("NOT " * 21 + "metrics.a > 1", "at most 20 deep"),
        ("(" * 21 + "metrics.a > 1" + ")" * 21, "at most 20 deep"),
        ("(" * 1_900 + "metrics.a > 1" + ")" * 1_900, "at most 20 deep"),
        ("(" * 20_000 + "metrics.a > 1" + ")" * 20_000, "at most 4,000 words"),
        (" OR ".join(["metrics.a > 1"] * 101), "at most 100 comparisons"),
        (f"NOT params.a IN ({', '.join(['1'] * 1001)})", "at most 1000 items"),
        (f"NOT params.a = '{'x' * 70_000}'", "at most 65536 characters"),
        (f"NOT params.a = {'1' * 65}", "at most 64 characters"),
        ("NOT params.a = '\x00'", "a control character"),
    ],
)
def test_what_a_filter_may_take_is_bounded(text: str, says: str) -> None:
    with pytest.raises(InvalidParameterError, match=says):
        plan_run_filter(text, behaviour_of("3.17"), _NOW)


def test_errors_stay_short() -> None:
    with pytest.raises(InvalidParameterError) as caught:
        parse_run_filter(f"{'x' * 60_000}.y = 1", now_ms=_NOW)
    assert len(str(caught.value)) < 1_000


def test_comparisons_that_and_joins_stay_conditions() -> None:
    wanted = plan_run_filter(
        "metrics.a > 1 AND start_time > now() - 1h AND params.b < 2 AND tags.c = 'x'",
        behaviour_of("3.17"),
        _NOW,
    )
    assert [condition.key for condition in wanted.conditions] == ["a", "start_time", "c"]
    assert wanted.expression == Comparison(Field("param", "b"), "<", 2.0)


def explained(searched: Searched, text: str) -> str:
    search = RunSearch((1,), ("active",), (), (), Page(0, 9), parse_run_filter(text, now_ms=_NOW))
    statement, parameters = runs_statement(search, nan_never_matches=True)

    def explain(connection: Connection) -> list[str]:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row[3] for row in rows]

    return "\n".join(searched.service.database.read_now(explain))


def test_children_are_read_once_and_not_for_every_run(searched: Searched) -> None:
    plan = explained(searched, "children.metrics.acc > 1")
    assert "CORRELATED LIST SUBQUERY" not in plan
    assert "LIST SUBQUERY" in plan
    assert "SEARCH t USING INDEX" in plan
