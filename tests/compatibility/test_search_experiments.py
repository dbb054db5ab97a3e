"""Searching experiments: filters, orders, views and pages, by POST and by GET."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.compatibility.calls import Call, case, get, post
from tests.compatibility.pair import Pair
from tests.compatibility.servers import candidate_is_stock

_SEARCH = "experiments/search"
_NAMES = ("alpha", "Beta", "gamma_1%", "delta's", "épsilon", "zeta 🚀", "eta/x", "theta")
_TEAMS = ("blue", "red", "Blue", "", "it's", "blue green", "Ünï")


@pytest.fixture(scope="module")
def population(new_pair: Callable[[], Pair]) -> Pair:
    """Experiments of one common prefix, some tagged, two deleted."""
    pair = new_pair()
    for number, name in enumerate(_NAMES):
        tags = [{"key": "team", "value": _TEAMS[number]}] if number < len(_TEAMS) else []
        tags.append({"key": "a.b c", "value": str(number % 3)})
        create = post("experiments/create", name=f"<unique> {name}", tags=tags)
        pair.play(create.saving(**{f"experiment_{number}": "experiment_id"}))
    pair.play(
        post("experiments/delete", experiment_id="<experiment 2>"),
        post("experiments/delete", experiment_id="<experiment 5>"),
    )
    return pair


def search(text: str = "", **fields: Any) -> Call:
    """Search among the experiments of this module only."""
    mine = "name LIKE '<unique> %'"
    return post(
        _SEARCH, **{"max_results": 50, "filter": f"{mine} AND {text}" if text else mine, **fields}
    )


_FILTERS = (
    "name = '<unique> alpha'",
    "name = '<unique> ALPHA'",
    "name != '<unique> alpha'",
    "name LIKE '%eta%'",
    "name ILIKE '%BETA%'",
    "name LIKE '%\\_1\\%'",
    "name LIKE '%_1%'",
    "name = '<unique> delta''s'",
    'name = "<unique> delta\'s"',
    "name LIKE '%🚀'",
    "name ILIKE '%ÉPS%'",
    "name LIKE '%É%'",
    "name > 'a'",
    "NAME = 'x'",
    "Name = 'x'",
    "attribute.name LIKE '%a'",
    "attributes.name LIKE '%a'",
    "attr.name LIKE '%a'",
    "experiment.name = 'x'",
    "experiment_id = '<experiment 1>'",
    "experiment_id = 1",
    "experiment_id IN ('1')",
    "attribute.experiment_id = '1'",
    "creation_time > 0",
    "creation_time < 0",
    "creation_time > '0'",
    "creation_time = 1.5",
    "last_update_time > 0",
    "attribute.last_update_time < 5",
    "creation_time LIKE '1%'",
    "creation_time != 0",
    "lifecycle_stage = 'active'",
    "lifecycle_stage = 'deleted'",
    "artifact_location LIKE '%'",
    "tags.team = 'blue'",
    "tags.team = 'Blue'",
    "tags.team != 'blue'",
    "tags.team LIKE 'blue%'",
    "tags.team ILIKE 'BLUE'",
    "tags.team = ''",
    "tags.team = 'Ünï'",
    "tags.team IS NULL",
    "tags.team IS NOT NULL",
    "tags.unknown = 'x'",
    "tags.unknown IS NULL",
    "tags.`a.b c` = '1'",
    "tags.\"a.b c\" = '1'",
    "tag.team = 'blue'",
    "tags.team = 'blue' AND tags.`a.b c` = '0'",
    "metrics.loss > 0",
    "params.x = '1'",
    "nothing = 'x'",
    "nothing.x = 'y'",
    "name",
    "name =",
    "= 'x'",
    "name = x",
    "name = 'x",
    "AND",
    "name = 'x';",
    "name = 5",
    "name == '<unique> alpha'",
    "name LIKE ''",
    "name LIKE 'a' AND",
    "tags.team='blue'",
    "  tags.team   =  'blue'  ",
    "tags.team\n=\n'blue'",
    "tags.TEAM = 'blue'",
    "name = '\x00'",
)
_BEYOND = (
    "name IN ('<unique> alpha')",
    "name IS NULL",
    "name IS NOT NULL",
    "tags.team IN ('blue')",
    "tags.team = 'blue' OR name = 'x'",
    "tags.team = 5",
    "NOT name = 'x'",
    "(name = 'x')",
    "creation_time > now() - 1h",
    "tags.team RLIKE '^b'",
)
"""What MLflow refuses and the superset knows."""

_ORDERS: tuple[list[str], ...] = (
    [],
    ["name"],
    ["name ASC"],
    ["name DESC"],
    ["name desc"],
    ["attribute.name"],
    ["attributes.name DESC"],
    ["creation_time"],
    ["creation_time DESC"],
    ["last_update_time", "name"],
    ["experiment_id"],
    ["experiment_id DESC"],
    ["experimentId"],
    ["lifecycle_stage"],
    ["artifact_location"],
    ["tags.team"],
    ["tag.team DESC"],
    ["nothing"],
    [""],
    [" "],
    ["name up"],
    ["name ASC DESC"],
    ["name, creation_time"],
    ["name", "name DESC"],
    ["metrics.x"],
    ["NAME"],
    ["Name DESC"],
    ["  name   DESC "],
    ["`name`"],
    ["name; DROP TABLE experiments"],
)
# Times have the resolution of a millisecond: experiments made within one are in no defined order.
_COARSE_ORDERS = (["creation_time"], ["creation_time DESC"], ["last_update_time", "name"])
_VIEWS = ("ALL", "ACTIVE_ONLY", "DELETED_ONLY", "all", "", None, 0, 1, 2, 3, 4, "1", "X", 1.0)

_ODD_ORDERS: tuple[Any, ...] = ("name", None, [None], [1], {}, [["name"]])

_SIZES: tuple[Any, ...] = (
    0,
    1,
    2,
    50000,
    50001,
    -1,
    2**31,
    2**63,
    2**64,
    "2",
    2.0,
    2.5,
    "abc",
    None,
    True,
    [],
)

_CASES = [
    *(
        case(f"filter {text!r}", search(text, view_type="ALL", order_by=["name"]))
        for text in _FILTERS
    ),
    *(
        case(
            f"whole filter {text!r}", search(filter=text, max_results=1, order_by=["experiment_id"])
        )
        for text in ("", " ", "name = 'Default'", "name LIKE '%'", 5, None, ["x"])
    ),
    *(
        case(f"order {order!r}", search(order_by=order, view_type="ALL"))
        for order in _ORDERS
        if order not in _COARSE_ORDERS
    ),
    *(case(f"order {order!r}", search(order_by=order)) for order in _ODD_ORDERS),
    *(case(f"view {view!r}", search(view_type=view, order_by=["name"])) for view in _VIEWS),
    *(case(f"at most {size!r}", search(max_results=size, order_by=["name"])) for size in _SIZES),
    *(
        case(f"page token {token!r}", search(page_token=token, max_results=2, order_by=["name"]))
        for token in (
            "",
            "abc",
            "eyJvZmZzZXQiOiAyfQ==",
            "eyJvZmZzZXQiOiAxMDB9",
            "eyJvZmZzZXQiOiAtMX0=",
            "e30=",
            "bnVsbA==",
            None,
            2,
            "eyJvZmZzZXQiOiAiMiJ9",
        )
    ),
    case("no size", post(_SEARCH, filter="name LIKE '<unique> %'")),
    case("no size but a view", post(_SEARCH, filter="name LIKE '<unique> %'", view_type="ALL")),
    case("nothing", post(_SEARCH)),
    *(
        case(
            f"by GET {query!r}",
            get(_SEARCH, urlencode({"filter": "name LIKE '<unique> %'"}, safe="<>") + query),
        )
        for query in (
            "",
            "&max_results=50",
            "&max_results=2&order_by=name",
            "&max_results=9&order_by=name&order_by=experiment_id",
            "&max_results=9&view_type=ALL&order_by=name+DESC",
            "&max_results=9&view_type=2",
            "&max_results=9&view_type=x",
            "&max_results=x",
            "&max_results=0",
            "&max_results=-1",
            "&max_results=50001",
            "&max_results=2&max_results=3",
            "&max_results=2&page_token=abc",
            "&max_results=2&page_token=",
            "&max_results=2&order_by=",
            "&max_results=2&maxResults=3",
            "&max_results=2.0",
        )
    ),
]


@pytest.mark.parametrize("calls", _CASES)
def test_search(population: Pair, calls: tuple[Call, ...]) -> None:
    population.play(*calls)


@pytest.mark.skipif(candidate_is_stock(), reason="the candidate is MLflow itself")
@pytest.mark.parametrize("text", _BEYOND)
def test_superset(population: Pair, text: str) -> None:
    population.exceed(search(text))


@pytest.mark.parametrize("size", [1, 3, 8])
def test_pages(population: Pair, size: int) -> None:
    fields: dict[str, Any] = {"max_results": size, "order_by": ["name DESC"], "view_type": "ALL"}
    body = population.play(search(**fields))
    pages = 1
    while "next_page_token" in body:
        body = population.play(search(**fields, page_token=body["next_page_token"]))
        pages += 1
    assert pages >= len(_NAMES) / size
