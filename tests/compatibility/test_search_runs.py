"""Searching runs: filters, orders, views and pages over one population of runs."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.compatibility.calls import Call, case, post
from tests.compatibility.pair import Pair
from tests.compatibility.servers import candidate_is_stock

_RUNS: tuple[dict[str, object], ...] = (
    {
        "name": "alpha",
        "status": "FINISHED",
        "end": 50,
        "loss": 0.5,
        "acc": 0.9,
        "lr": "0.1",
        "team": "blue",
    },
    {
        "name": "beta",
        "status": "FAILED",
        "end": 40,
        "loss": 0.25,
        "acc": 0.8,
        "lr": "0.01",
        "team": "red",
    },
    {
        "name": "Gamma",
        "status": "KILLED",
        "end": 60,
        "loss": "NaN",
        "acc": 0.7,
        "lr": "1e-3",
        "team": "Blue",
    },
    {"name": "delta", "status": "RUNNING", "loss": "Infinity", "lr": "0.1", "team": ""},
    {
        "name": "epsilon",
        "status": "FINISHED",
        "end": 45,
        "loss": "-Infinity",
        "acc": 0.9,
        "team": "it's",
    },
    {"name": "zeta_1%", "status": "SCHEDULED", "acc": -1, "lr": "abc", "team": "blue green"},
    {"name": 'eta "q"', "status": "FINISHED", "end": 45, "loss": 1e300, "lr": "", "team": "Ünï"},
    {"name": "theta", "status": "RUNNING"},
)


def _creation(number: int, spec: dict[str, object]) -> list[Call]:
    run = f"<run {number}>"
    create = post(
        "runs/create",
        experiment_id="<experiment>",
        start_time=100 + number,
        run_name=spec["name"],
        user_id=f"user{number % 3}",
        tags=[{"key": "team", "value": spec["team"]}] if "team" in spec else [],
    )
    calls = [create.saving(**{f"run_{number}": "run.info.run_id"})]
    metrics = [
        {"key": key, "value": spec[name], "timestamp": 1, "step": 0}
        for name, key in (("loss", "loss"), ("acc", "val/acc uracy"))
        if name in spec
    ]
    params = [{"key": "lr", "value": spec["lr"]}] if "lr" in spec else []
    calls.append(post("runs/log-batch", run_id=run, metrics=metrics, params=params))
    calls.append(post("runs/update", run_id=run, status=spec["status"], end_time=spec.get("end")))
    return calls


@pytest.fixture(scope="module")
def population(new_pair: Callable[[], Pair]) -> Pair:
    """Runs with distinct start times, some of them deleted."""
    pair = new_pair()
    pair.create("<experiment>")
    for number, spec in enumerate(_RUNS):
        pair.play(*_creation(number, spec))
    pair.play(
        post("runs/delete", run_id="<run 4>"),
        post("runs/delete", run_id="<run 5>"),
        post("experiments/create", name="<unique> second").saving(second="experiment_id"),
        post("runs/create", experiment_id="<second>", start_time=99, run_name="alpha"),
        post("experiments/create", name="<unique> gone").saving(gone="experiment_id"),
        post("runs/create", experiment_id="<gone>", start_time=98, run_name="gone"),
        post("experiments/delete", experiment_id="<gone>"),
    )
    return pair


def search(**fields: Any) -> Call:
    return post("runs/search", **{"experiment_ids": ["<experiment>"], **fields})


_FILTERS = (
    "",
    "   ",
    "metrics.loss < 1",
    "metrics.loss <= 0.5",
    "metrics.loss > 0",
    "metrics.loss >= 0.25",
    "metrics.loss = 0.5",
    "metrics.loss == 0.5",
    "metrics.loss != 0.5",
    "metrics.loss <> 0.5",
    "metric.loss < 1",
    "metrics.`loss` < 1",
    'metrics."loss" < 1',
    "metrics.'loss' < 1",
    "metrics.`val/acc uracy` > 0.75",
    'metrics."val/acc uracy" > 0.75',
    "metrics.val/acc > 0.75",
    "metrics.unknown > 0",
    "metrics.loss > -1e999",
    "metrics.loss < 1e999",
    "metrics.loss = NaN",
    "metrics.loss = 'NaN'",
    "metrics.loss > 'a'",
    "metrics.loss > '0.1'",
    "metrics.loss > -1",
    "metrics.loss > +1",
    "metrics.loss > 1e-3",
    "metrics.loss > .1",
    "metrics.loss LIKE '0%'",
    "metrics.loss = 0.5 AND metrics.`val/acc uracy` > 0",
    "metrics.loss > 0 AND metrics.loss < 1",
    "metrics.loss > 0 and params.lr = '0.1'",
    "metrics.loss > 0 AND",
    "AND",
    "metrics.loss",
    "metrics.loss >",
    "0 < metrics.loss",
    "metrics.loss > metrics.acc",
    "loss > 0",
    "metrics.loss>0",
    "metrics . loss > 0",
    "METRICS.loss > 0",
    "metrics.LOSS > 0",
    "metrics.loss > 0;",
    "metrics.loss > 0 --",
    "metrics.loss = TRUE",
    "params.lr = '0.1'",
    'params.lr = "0.1"',
    "params.lr != '0.1'",
    "params.lr LIKE '0%'",
    "params.lr ILIKE '%E%'",
    "params.lr LIKE '%E%'",
    "params.lr > '0'",
    "params.lr IS NULL",
    "params.lr IS NOT NULL",
    "param.lr = '0.1'",
    "parameters.lr = '0.1'",
    "params.`lr` = '0.1'",
    "params.lr = ''",
    "params.lr LIKE ''",
    "params.lr LIKE '%'",
    "tags.team = 'blue'",
    "tags.team = 'Blue'",
    "tags.team ILIKE 'BLUE%'",
    "tags.team LIKE 'blue_green'",
    "tags.team LIKE 'blue%'",
    "tag.team = 'blue'",
    "tags.team != 'blue'",
    "tags.team = 'it''s'",
    'tags.team = "it\'s"',
    "tags.team = 'it\\'s'",
    "tags.team = ''",
    "tags.team = 'Ünï'",
    "tags.team IS NULL",
    "tags.team IS NOT NULL",
    "tags.team > 'b'",
    "tags.`mlflow.runName` = 'alpha'",
    "tags.mlflow.runName = 'alpha'",
    "tags.\"mlflow.runName\" = 'alpha'",
    "tags.mlflow.user = 'user1'",
    "tags.team = 'blue' AND params.lr = '0.1'",
    "tags.team = 'blue' AND tags.team = 'red'",
    "tags.team = 'a AND b'",
    "attributes.status = 'FINISHED'",
    "attributes.status = 'finished'",
    "attributes.status != 'FINISHED'",
    "status = 'FINISHED'",
    "attributes.status LIKE 'F%'",
    "attribute.status = 'FAILED'",
    "attr.status = 'FAILED'",
    "run.status = 'FAILED'",
    "attributes.start_time > 102",
    "attributes.start_time = 102",
    "attributes.start_time > '102'",
    "start_time < 104",
    "attributes.start_time > 102.5",
    "attributes.start_time > -1",
    "attributes.start_time LIKE '1%'",
    "attributes.end_time > 44",
    "attributes.end_time = 45",
    "attributes.end_time != 45",
    "created > 102",
    "Created > 102",
    "attributes.Created > 102",
    "attributes.run_name = 'alpha'",
    "attributes.`run name` = 'alpha'",
    "attributes.'Run Name' = 'alpha'",
    "run_name LIKE '%eta'",
    "attributes.run_name ILIKE 'GAMMA'",
    "attributes.run_name LIKE 'zeta_1%'",
    "attributes.run_name = 'eta \"q\"'",
    "name = 'alpha'",
    "attributes.name = 'alpha'",
    "attributes.user_id = 'user1'",
    "user_id = 'user1'",
    "attributes.`user id` = 'x'",
    "attributes.run_id = '<run 1>'",
    "run_id = '<run 1>'",
    "attributes.run_id IN ('<run 1>', '<run 2>')",
    "attributes.run_id NOT IN ('<run 1>')",
    "attributes.run_id IN ()",
    "attributes.run_id IN ('<run 1>',)",
    "attributes.run_id = 'x'",
    "attributes.run_id LIKE '%'",
    "attributes.run_id != '<run 1>'",
    "attributes.artifact_uri LIKE '%<run 1>%'",
    "artifact_uri LIKE 'mlflow-artifacts:/%'",
    "attributes.lifecycle_stage = 'active'",
    "attributes.experiment_id = '1'",
    "attributes.deleted_time > 0",
    "attributes.nothing = 'x'",
    "nothing.key = 'x'",
    "datasets.name = 'digits'",
    "dataset.digest = 'x'",
    "datasets.context = 'train'",
    "datasets.name LIKE 'd%'",
    "datasets.name IN ('d')",
    "datasets.other = 'x'",
    "tags.team = 'blue",
    "tags.team = blue",
    "tags.`team = 'blue'",
    "tags.team == 'blue'",
    "tags. = 'x'",
    ".team = 'x'",
    "tags.team = 'x' tags.team = 'y'",
    "tags.🚀 = 'x'",
    "tags.`🚀` = '🚀'",
    "tags.team = '\x00'",
    "SELECT 1",
    "'; DROP TABLE runs; --",
    "tags.team = 'x'; DROP TABLE runs",
    "status = 'FINISHED' AND metrics.loss < 1 AND params.lr = '0.1' AND tags.team = 'blue'",
    "metrics.loss < 1 AND metrics.loss < 1",
    "  metrics.loss   <   1  ",
    "metrics.loss\n<\n1",
    "metrics.loss < 1\tAND\tparams.lr = '0.1'",
    "trait.x = 1",
    "inputs.x = 1",
)
_BEYOND = (
    "metrics.loss IS NULL",
    "metrics.loss IS NOT NULL",
    "metrics.loss IN (0.5)",
    "metrics.loss > 0 OR metrics.loss < 1",
    "NOT metrics.loss > 0",
    "metrics.loss BETWEEN 0 AND 1",
    "params.lr = 0.1",
    "params.lr IN ('0.1', '0.01')",
    "params.lr NOT LIKE '0%'",
    "params.lr RLIKE '0'",
    "tags.team IN ('blue')",
    "tags.team IN ('blue', 'red')",
    "attributes.status IN ('FINISHED', 'FAILED')",
    "attributes.status NOT IN ('FINISHED')",
    "attributes.end_time IS NULL",
    "attributes.run_name IN ('alpha', 'beta')",
    "(metrics.loss > 0)",
    "tags.team EXISTS",
    "attributes.duration > 1s",
    "start_time > now() - 7d",
    "parent.tags.team = 'blue'",
)
"""What MLflow refuses and the superset knows."""

_ORDERS: tuple[list[str], ...] = (
    [],
    ["metrics.loss"],
    ["metrics.loss ASC"],
    ["metrics.loss DESC"],
    ["metrics.loss desc"],
    ["metrics.`val/acc uracy` DESC"],
    ["metrics.unknown"],
    ["metric.loss"],
    ["params.lr"],
    ["params.lr DESC"],
    ["params.unknown"],
    ["tags.team"],
    ["tags.team DESC"],
    ["tags.`mlflow.runName`"],
    ["tags.mlflow.runName DESC"],
    ["attributes.start_time"],
    ["attributes.start_time DESC"],
    ["start_time"],
    ["end_time"],
    ["attributes.end_time DESC"],
    ["attributes.status"],
    ["attributes.run_name"],
    ["run_name DESC"],
    ["attributes.`Run Name`"],
    ["attributes.user_id"],
    ["user_id DESC"],
    ["Created"],
    ["created DESC"],
    ["attributes.artifact_uri", "start_time"],
    ["metrics.loss", "params.lr DESC"],
    ["params.lr", "metrics.loss DESC"],
    ["tags.team", "attributes.end_time", "metrics.loss"],
    ["metrics.loss", "metrics.loss"],
    ["start_time", "start_time DESC"],
    [""],
    [" "],
    ["metrics.loss ASC DESC"],
    ["metrics.loss up"],
    ["nothing"],
    ["attributes.nothing"],
    ["nothing.x"],
    ["metrics.loss, params.lr"],
    ["metrics"],
    ["metrics."],
    ["metrics.loss; DROP TABLE runs"],
    ["attributes.run_id"],
    ["run_id DESC"],
    ["attributes.experiment_id"],
    ["dataset.name"],
    ["attributes.lifecycle_stage"],
    ["  metrics.loss   DESC  "],
    ['metrics."loss" DESC'],
    ["METRICS.loss"],
    ["params.`lr` ASC"],
    ["name"],
    ["attributes.deleted_time"],
    ["status DESC", "end_time"],
)
# A run id is random: an order by it, or by what contains it, is no property of the server.
_RANDOM_ORDERS = (["attributes.run_id"], ["run_id DESC"], ["attributes.artifact_uri", "start_time"])

_EXPERIMENTS: tuple[Any, ...] = (
    [],
    ["<experiment>", "<second>"],
    ["<second>"],
    ["<second>", "<second>"],
    ["<gone>"],
    ["<gone>", "<second>"],
    ["123456789"],
    ["abc"],
    [""],
    ["<second>", "abc"],
    ["<second>", "9" * 30],
    [" <second> "],
    "<second>",
    [1],
    None,
    ["<second>", None],
    [["<second>"]],
    {},
)

_SIZES: tuple[Any, ...] = (
    0,
    1,
    2,
    1000,
    50000,
    50001,
    -1,
    2**31,
    2**63,
    "2",
    2.0,
    2.5,
    "abc",
    None,
    True,
)

_TOKENS: tuple[Any, ...] = (
    "",
    "abc",
    "eyJvZmZzZXQiOiAyfQ==",
    "eyJvZmZzZXQiOiAxMDB9",
    "eyJvZmZzZXQiOiAtMX0=",
    "e30=",
    "bnVsbA==",
    "W10=",
    None,
    2,
    "eyJvZmZzZXQiOiAiMiJ9",
    "eyJvZmZzZXQiOjJ9",
    "🚀",
)

_CASES = [
    *(case(f"filter {text!r}", search(filter=text, run_view_type="ALL")) for text in _FILTERS),
    *(
        case(f"order {order!r}", search(order_by=order, run_view_type="ALL"))
        for order in _ORDERS
        if order not in _RANDOM_ORDERS
    ),
    *(
        case(f"view {view!r}", search(run_view_type=view))
        for view in (
            "ALL",
            "ACTIVE_ONLY",
            "DELETED_ONLY",
            "all",
            "",
            None,
            0,
            1,
            2,
            3,
            4,
            "1",
            "NONE",
        )
    ),
    *(case(f"at most {size!r}", search(max_results=size)) for size in _SIZES),
    *(case(f"page token {token!r}", search(page_token=token, max_results=2)) for token in _TOKENS),
    *(
        case(
            f"experiments {ids!r}", post("runs/search", experiment_ids=ids, order_by=["start_time"])
        )
        for ids in _EXPERIMENTS
    ),
    case("of the default", post("runs/search", experiment_ids=["0"], filter="tags.nothing = 'x'")),
    case(
        "deleted of a deleted one",
        post("runs/search", experiment_ids=["<gone>"], run_view_type="DELETED_ONLY"),
    ),
    case("without experiments", post("runs/search", max_results=0)),
    case("filter null", search(filter=None)),
    case("order null", search(order_by=None)),
    case("order of null", search(order_by=[None])),
    case("order as a text", search(order_by="metrics.loss")),
    case("old expressions", search(anded_expressions=[])),
    case("view in camelCase", search(runViewType="ALL")),
]


@pytest.mark.parametrize("calls", _CASES)
def test_search(population: Pair, calls: tuple[Call, ...]) -> None:
    population.play(*calls)


@pytest.mark.skipif(candidate_is_stock(), reason="the candidate is MLflow itself")
@pytest.mark.parametrize("text", _BEYOND)
def test_superset(population: Pair, text: str) -> None:
    population.exceed(search(filter=text))


@pytest.mark.parametrize("order", [[], ["metrics.loss DESC"], ["params.lr"], ["tags.team DESC"]])
@pytest.mark.parametrize("size", [1, 3, 8])
def test_pages(population: Pair, order: list[str], size: int) -> None:
    fields = {"max_results": size, "order_by": order, "run_view_type": "ALL"}
    body = population.play(search(**fields))
    pages = 1
    while "next_page_token" in body:
        body = population.play(search(**fields, page_token=body["next_page_token"]))
        pages += 1
    assert pages >= len(_RUNS) / size
