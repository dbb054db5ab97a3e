"""The pure modules of the pages, against what they are defined to be."""

import itertools
import math
import random
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page
from tests.browser.conftest import visiting
from tests.browser.seed import Site

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def window(context: BrowserContext, site: Site) -> Iterator[Page]:
    with visiting(context, site) as visit:
        yield visit.open("runs")


@pytest.fixture
def call(window: Page) -> Call:
    """Calls a function of a module, once for each list of arguments."""
    page = window
    base = page.locator("script[src$='shell.js']").get_attribute("src")
    assert base is not None

    def calling(module: str, function: str, *arguments: list[Any]) -> list[Any]:
        found = page.evaluate(
            """async ([source, name, all]) => {
              const module = await import(source);
              return all.map((given) => module[name](...given));
            }""",
            [base.replace("shell.js", module), function, arguments],
        )
        assert isinstance(found, list)
        return found

    return calling


def series(chance: random.Random) -> list[float | None]:
    count = chance.randint(1, 60)
    return [None if chance.random() < 0.1 else chance.gauss(0, 5) for _ in range(count)]


def test_smoothing_is_the_weighted_mean_of_all_points(call: Call) -> None:
    chance = random.Random(1)
    cases: list[list[Any]] = [
        [series(chance), chance.choice([0, 0.3, 0.9, 0.99])] for _ in range(40)
    ]
    for (values, weight), found in zip(
        cases, call("charts/smooth.js", "smoothed", *cases), strict=True
    ):
        present = [value for value in values if value is not None]
        expected = [
            math.fsum(weight ** abs(i - j) * other for j, other in enumerate(present))
            / math.fsum(weight ** abs(i - j) for j in range(len(present)))
            for i in range(len(present))
        ]
        assert [value for value in found if value is not None] == pytest.approx(expected)
        assert [value is None for value in found] == [value is None for value in values]


def test_an_envelope_holds_every_point(call: Call) -> None:
    chance = random.Random(2)
    cases: list[list[Any]] = []
    for _ in range(40):
        ys = series(chance)
        cases.append([list(range(len(ys))), ys, chance.randint(1, 30)])
    for (xs, ys, most), band in zip(
        cases, call("charts/smooth.js", "envelope", *cases), strict=True
    ):
        assert len(band["x"]) <= 2 * most
        for x, y in zip(xs, ys, strict=True):
            if y is None:
                continue
            # The bucket of a point is between two neighbouring places, or is one place.
            after = next(i for i, at in enumerate(band["x"]) if at >= x)
            assert band["low"][after] <= y <= band["high"][after]


def test_a_band_is_of_the_runs_that_are_there(call: Call) -> None:
    chance = random.Random(3)
    runs: list[dict[str, Any]] = [
        {"x": list(range(first, 12)), "y": [chance.random() for _ in range(first, 12)]}
        for first in (0, 0, 3)
    ]
    (band,) = call("charts/bands.js", "bandOf", [runs])
    assert band["n"] == [2] * 3 + [3] * 9
    for index, x in enumerate(band["x"]):
        values = [run["y"][x - run["x"][0]] for run in runs if x >= run["x"][0]]
        assert band["mean"][index] == pytest.approx(statistics.fmean(values))
        assert band["sd"][index] == pytest.approx(statistics.stdev(values))
        assert (band["low"][index], band["high"][index]) == (min(values), max(values))


def test_between_two_points_a_band_follows_the_line(call: Call) -> None:
    runs = [{"x": [0, 10], "y": [0.0, 1.0]}, {"x": [0, 5, 10], "y": [2.0, 2.0, None]}]
    (band,) = call("charts/bands.js", "bandOf", [runs])
    assert band["x"] == [0, 5, 10]
    assert band["mean"] == pytest.approx([1.0, 1.25, 1.0])
    assert band["n"] == [2, 2, 1]
    assert band["sd"][2] is None


def test_a_band_of_many_places_loses_no_extreme(call: Call) -> None:
    chance = random.Random(4)
    runs: list[dict[str, Any]] = []
    for _ in range(3):
        xs = sorted(chance.sample(range(100_000), 900))
        runs.append({"x": xs, "y": [chance.gauss(0, 1) for _ in xs]})
    runs[1]["y"][444] = 50.0
    runs[2]["y"][7] = -50.0
    (band,) = call("charts/bands.js", "bandOf", [runs, 200])
    assert len(band["x"]) <= 200
    assert (max(band["high"]), min(band["low"])) == (50.0, -50.0)
    for low, mean, high in zip(band["low"], band["mean"], band["high"], strict=True):
        assert low <= mean <= high


def test_facets_are_spelled_as_the_language_reads_them(call: Call) -> None:
    facets = [
        {"field": "params.a b", "values": ["it's", 'say "x"', None]},
        {"field": "metrics.loss", "from": 0.1, "to": None},
        {"field": "status", "values": ["FINISHED"]},
    ]
    everything, others = call(
        "runs/fields.js", "combined", ["x = 1 OR y = 2", facets], ["", facets, "status"]
    )
    wanted = (
        '(params.`a b` IN ("it\'s", \'say "x"\') OR params.`a b` IS NULL) AND metrics.`loss` >= 0.1'
    )
    assert others == wanted
    assert everything == f"(x = 1 OR y = 2) AND {wanted} AND (attributes.status IN ('FINISHED'))"
    impossible = call("runs/fields.js", "quoted", ["a'b\"c"], ["back\\slash"], ["new\nline"])
    assert impossible == [None, None, None]


@pytest.mark.parametrize("module", ["runs", "charts", "params"])
def test_an_address_keeps_the_whole_state(call: Call, module: str) -> None:
    run = "0123456789abcdef" * 2
    searches = {
        "runs": "?project=a%2Fb&exp=1&exp=2&q=x+%3D+%27%26%27&sort=metrics.a%3Ab%3Aasc"
        "&col=tags.%C3%A9&col=&facet=&f=%5B%22params.a%22%2C%5B%22%5C%22%22%2Cnull%5D%5D"
        f"&f=%5B%22metrics.m%22%2Cnull%2C1.5%5D&sel={run}",
        "charts": f"?run={run}&metric=a+b&metric=c%26&axis=time&logx=1&logy=1&smooth=0.5"
        f"&group=tags.x&band=sd&from=-1.5&to=2&hide={run}&live=0",
        "params": "?project=a%2Fb&exp=1&q=x&metric=a+b&direction=min&reduction=mean%3A5"
        "&by=variance&axis=params.a&axis=metrics.a%3Ab&log=params.a&linear=metrics.x"
        "&b=%5B%22params.a%22%2C0.5%2Cnull%2C%22only%22%5D&b=%5B%22tags.t%22%2C%5Bnull%5D%5D"
        "&obj=a%3Ab%3Amax&obj=c%3Amin&x=a%3Ab&y=c",
    }
    (state,) = call(f"{module}/state.js", "parseState", [searches[module]])
    (text,) = call(f"{module}/state.js", "formatState", [state])
    assert call(f"{module}/state.js", "parseState", [text]) == [state]
    for key in set(searches[module][1:].replace("=", "&").split("&")[::2]):
        assert f"{key}=" in text


def test_what_an_address_should_not_say_is_left_out(call: Call) -> None:
    (runs,) = call(
        "runs/state.js",
        "parseState",
        ["?sort=nonsense&sel=<script>,x&f={}&f=[1]&f=[%22a%22,%22b%22]"],
    )
    assert runs["facets"] == runs["selected"] == []
    assert runs["sort"] == {"field": "start_time", "descending": True}
    (charts,) = call(
        "charts/state.js",
        "parseState",
        ["?run=../x&axis=z&smooth=7&from=abc&group=bad&band=&hide=1"],
    )
    assert charts["runs"] == charts["hidden"] == charts["groups"] == []
    assert (charts["axis"], charts["smooth"], charts["from"], charts["band"]) == (
        "step",
        0.99,
        None,
        "range",
    )


def test_what_no_axis_can_be_is_left_out(call: Call) -> None:
    (params,) = call(
        "params/state.js",
        "parseState",
        ["?axis=status&axis=params.a&axis=params.a&b=[1]&b=[%22status%22,0,1]&obj=x&by=z&b=x"],
    )
    assert (params["axes"], params["brushes"], params["objectives"]) == (["params.a"], [], [])
    assert params["by"] == "permutation"


def column(chance: random.Random) -> list[Any]:
    """Return values of a param as runs may have them."""
    kinds: list[Callable[[], Any]] = [
        lambda: f"{10 ** chance.uniform(-5, 0):.3g}",
        lambda: str(chance.randint(-3, 40)),
        lambda: chance.choice(["adam", "sgd", "None"]),
        lambda: None,
    ]
    some = [*chance.sample(kinds, chance.randint(1, 4)), kinds[chance.randint(0, 1)]]
    return [chance.choice(some)() for _ in range(chance.randint(1, 60))]


def test_every_run_is_on_an_axis_or_counted_and_order_is_kept(call: Call) -> None:
    chance = random.Random(8)
    cases: list[list[Any]] = [["params.x", column(chance)] for _ in range(80)]
    for (_, texts), axis in zip(cases, call("params/axes.js", "axisOf", *cases), strict=True):
        placed = list(zip(axis["values"], axis["places"], strict=True))
        inside = sorted((value, place) for value, place in placed if not math.isnan(place))
        assert axis["lane"] + len(inside) == len(texts)
        assert all(0 <= place <= 1 for _, place in inside)
        if axis["kind"] == "number":
            assert [place for _, place in inside] == sorted(place for _, place in inside)
            if axis["scale"] == "log":
                assert inside[0][0] > 0
        else:
            # Texts have a place each; only runs that have none are counted as such.
            assert axis["lane"] == texts.count(None)
            assert len({place for _, place in inside}) == len({value for value, _ in inside})


def test_the_edge_of_a_front_divides_what_it_dominates(call: Call) -> None:
    chance = random.Random(9)
    for direction, other in ((x, y) for x in ("max", "min") for y in ("max", "min")):
        signs = (1 if direction == "max" else -1, 1 if other == "max" else -1)
        points = [(chance.random(), chance.random()) for _ in range(60)]

        def beats(a: tuple[float, float], b: tuple[float, float], signs: Any = signs) -> bool:
            return all(s * p >= s * q for s, p, q in zip(signs, a, b, strict=True)) and a != b

        front = [p for p in points if not any(beats(q, p) for q in points)]
        (edge,) = call("params/pareto.js", "edgeOf", [front, direction])
        corners = list(zip(edge["x"], edge["y"], strict=True))
        for (x0, y0), (x1, y1) in itertools.pairwise(corners):
            middle = (x0 + x1) / 2
            level = y1 if edge["shape"] == "vh" else y0
            near, far = level - signs[1] * 1e-9, level + signs[1] * 1e-9
            assert any(beats(p, (middle, near)) for p in points)
            assert not any(beats(p, (middle, far)) for p in points)


def test_requests_for_series_fit_the_servers_limits(call: Call) -> None:
    runs = [{"id": f"{index:032x}", "start": 1000 * index} for index in range(100)]
    keys = [f"k{index}" for index in range(30)]
    whole = {"axis": "step", "from": None, "to": None}
    zoomed = {"axis": "elapsed", "from": 10, "to": 20}
    one, many = call(
        "charts/series.js", "seriesQueries", [runs, keys, whole], [runs[:3], keys[:2], zoomed]
    )
    for query in one:
        names = [name for name, _ in query]
        assert names.count("run_id") * names.count("key") <= 1000
    assert sum(name == "key" for query in one for name, _ in query) == 30
    starts = [dict(query)["start"] for query in many]
    assert starts == ["9800", "10800", "11800"]


def test_a_spreadsheet_reads_names_as_names(call: Call) -> None:
    row = {
        "run": {"id": "1", "name": '=cmd|"x", y'},
        "key": "-a",
        "steps": [3],
        "timestamps": [5],
        "y": [None],
    }
    (text,) = call("charts/export.js", "csvOf", [[row]])
    assert text.split("\n")[1] == """1,"'=cmd|""x"", y",'-a,3,5,"""


def test_the_usual_columns_are_those_that_tell_runs_apart(call: Call) -> None:
    def run(number: int) -> dict[str, Any]:
        params = {"same": "1", "long": str(number) * 25, "lr": str(number)}
        metrics = {"system/cpu": 1, "loss": 1}
        kinds: dict[str, dict[str, Any]] = {
            "params": params,
            "metrics": metrics,
            "tags": {"mlflow.x": 1},
        }
        pairs = {
            kind: [{"key": key, "value": value} for key, value in values.items()]
            for kind, values in kinds.items()
        }
        return {"data": pairs}

    runs = [run(number) for number in range(3)]
    (keys,) = call("runs/keys.js", "keysOf", [runs])
    assert [entry["key"] for entry in keys["params"]] == ["lr", "long", "same"]
    assert keys["tags"] == []
    (columns,) = call("runs/keys.js", "usualColumns", [keys, False])
    assert columns == ["status", "start_time", "duration", "metrics.loss", "params.lr"]


def test_a_question_stands_in_the_address(call: Call) -> None:
    chance = random.Random(5)
    texts = ["", "a b", "x=1&y", '"quoted" ü', "params.`k` = '5 %'"]
    names = ["candidate", "filter", "metric", "reduction", "paired_by", "margin", "alpha"]
    states: list[dict[str, Any]] = []
    for _ in range(60):
        state: dict[str, Any] = {name: chance.choice(texts) for name in names}
        state |= {"direction": chance.choice(["higher", "lower"]), "test": "welch"}
        state |= {"test_share": "0.25", "power": "", "missing": ""}
        state |= {"selected": ["ab" * 16] * chance.randint(0, 1), "experiments": ["1", "2"]}
        state["project"] = chance.choice([None, "", "team/x"])
        filters = chance.random() < 0.5
        state["mode"] = "filters" if filters else "columns"
        state["groups"] = [{"name": text, "filter": text} for text in texts] if filters else []
        state["group_by"] = [] if filters else ["params.a b", "tags.x"]
        states.append(state | ({"candidate": ""} if filters else {}))
    addresses = call("compare/state.js", "formatState", *[[state] for state in states])
    assert call("compare/state.js", "parseState", *[[text] for text in addresses]) == states
    for state, body in zip(
        states, call("compare/state.js", "requestOf", *[[state] for state in states]), strict=True
    ):
        assert ("groups" in body) == (state["mode"] == "filters")
        assert body["test_share"] == 0.25
        assert state["filter"] in body["filter"]


@pytest.mark.parametrize(
    ("message", "field", "number"),
    [
        ("Invalid value for parameter 'groups[3].filter': Invalid filter, column 2", "groups", 3),
        ("Invalid value for parameter 'paired_by': Invalid value for", "paired_by", None),
        ("Missing value for required parameter 'metric'", "metric", None),
        ("Invalid request body: Expected `float`, got `str` - at `$.margin`", "margin", None),
        ("alpha is 3.0; give a number between 0 and 1.", "alpha", None),
        ("no run is in the group 'a'; check its filter", "group", None),
        ("The server does not answer. Is it running?", None, None),
    ],
)
def test_an_error_belongs_to_a_field(
    call: Call, message: str, field: str | None, number: int | None
) -> None:
    assert call("compare/state.js", "fieldOf", [message]) == [{"name": field, "number": number}]


def test_points_are_spread_by_their_values_within_their_group(call: Call) -> None:
    chance = random.Random(6)
    cases = [[[chance.gauss(0, 1) for _ in range(count)]] for count in (1, 2, 7, 80)]
    for (values,), places in zip(cases, call("compare/values.js", "spread", *cases), strict=True):
        assert all(abs(place) <= 0.18 for place in places)
        assert len(set(places)) == len(values)
    assert call("compare/values.js", "spread", [[3.0]]) == [[0]]


def test_selected_runs_suggest_their_groups(call: Call) -> None:
    def run(**params: Any) -> dict[str, Any]:
        return {"data": {"params": [{"key": k, "value": str(v)} for k, v in params.items()]}}

    runs = [
        run(model=model, seed=seed, lr=(seed + 1) * rate, note=f"{model}{seed}")
        for model, rate in (("a", 1), ("b", 100))
        for seed in range(3)
    ]
    found = call_guess(call, runs)
    assert found == {"group_by": "params.model", "paired_by": "params.seed"}
    alone = [run(lr=index) for index in range(4)]
    assert call_guess(call, alone) == {"group_by": None, "paired_by": None}


def call_guess(call: Call, runs: list[dict[str, Any]]) -> Any:
    (found,) = call("compare/known.js", "guessOf", [runs])
    return found
