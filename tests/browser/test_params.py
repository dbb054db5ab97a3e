"""The page that says what hyper-parameters do, as somebody uses it."""

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from xml.etree import ElementTree

import httpx
import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser.conftest import Visit
from tests.browser.seed import HOSTILE, Site

BAD_REQUEST = re.compile("status of 400")
IMPORTANCE, PARETO = "Importance", "Pareto front"


@pytest.fixture(scope="module", autouse=True)
def loaded(site: Site) -> None:
    """Have the server load what importances need, which takes it longer than a page waits here."""
    where = {"experiment_ids": [site.experiments["text-classifier"]], "metric": "accuracy"}
    answer = httpx.post(f"{site.url}/api/2.0/headwater/params/importance", json=where, timeout=120)
    answer.raise_for_status()


def address(state: Mapping[str, Any]) -> str:
    return "params?" + urlencode(state, doseq=True)


def sweep(visit: Visit, **state: Any) -> str:
    """Return the address of the page on the sweep of 130 runs."""
    given = {"exp": visit.site.experiments["text-classifier"], "metric": "accuracy", **state}
    return address(given)


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def asked(visit: Visit, path: str, **body: Any) -> Any:
    answer = httpx.post(f"{visit.url}/api/2.0/headwater/{path}", json=body, timeout=60)
    return answer.raise_for_status().json()


def count(visit: Visit, filter_: str, experiments: list[str]) -> int:
    found = asked(
        visit,
        "runs/search",
        experiment_ids=experiments,
        filter=filter_,
        max_results=0,
        count=True,
    )
    return int(found["total"])


def drawn(page: Page, figure: str) -> Any:
    """Return what Plotly has drawn."""
    return page.locator(f"[data-figure='{figure}'] .plot").evaluate(
        """plot => plot.data.map(({ name, x, y, line, customdata: ids }) =>
             ({ name, x: [...x], y: [...y], shape: line && line.shape, ids }))"""
    )


def drag(page: Page, field: str, start: float, end: float) -> None:
    """Drag over an axis, in shares of its height from the top."""
    box = page.locator(f".strip[data-axis='{field}']").bounding_box()
    assert box is not None
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + start * box["height"])
    page.mouse.down()
    page.mouse.move(x, box["y"] + (start + end) / 2 * box["height"], steps=2)
    page.mouse.move(x, box["y"] + end * box["height"], steps=2)
    page.mouse.up()


def test_says_which_params_matter_and_how_well_that_is_known(visit: Visit) -> None:
    page = visit.open(sweep(visit))
    experiment = visit.site.experiments["text-classifier"]
    found = asked(visit, "params/importance", metric="accuracy", experiment_ids=[experiment])
    expect(page.locator("#fit")).to_contain_text(f"R² {found['r_squared']:.2f}")
    expect(page.locator("#fit")).to_contain_text("Explains most")
    (bars,) = drawn(page, IMPORTANCE)
    assert bars["x"] == [each["permutation"] for each in found["params"]]
    error = page.locator(f"[data-figure='{IMPORTANCE}'] .plot").evaluate(
        "plot => [plot.data[0].x[0] - plot.data[0].error_x.arrayminus[0],"
        " plot.data[0].x[0] + plot.data[0].error_x.array[0]]"
    )
    first = found["params"][0]
    assert error == pytest.approx([first["permutation_low"], first["permutation_high"]])
    page.locator("#by").select_option("variance")
    visit.settle()
    assert query(page)["by"] == ["variance"]
    alone = sorted((each["variance"] for each in found["params"]), reverse=True)
    page.wait_for_function(
        "x => document.querySelector('[data-figure] .plot').data[0].x[0] === x", arg=alone[0]
    )
    assert (
        len(visit.asked_for("/headwater/params/importance")) == 1
    )  # both measures are of one answer
    page.locator("#importance-numbers > summary").click()
    expect(page.locator("#importance-numbers tbody").first.locator("tr")).to_have_count(3)
    page.get_by_role("button", name="The first ones as axes").click()
    names = sorted(found["params"], key=lambda each: -each["variance"])
    assert query(page)["axis"] == [f"params.{each['param']}" for each in names] + [
        "metrics.accuracy"
    ]


def test_warns_where_the_params_say_nothing(visit: Visit) -> None:
    visit.expected = BAD_REQUEST
    state = {"exp": visit.site.experiments["vision/resnet-sweep"], "metric": "test/accuracy"}
    page = visit.open(address({**state, "q": "params.model = 'mlp' OR params.model = 'resnet18'"}))
    # Eight runs are too few for importances, but can be drawn, and be on a front.
    expect(page.locator("#importance .status-line")).to_contain_text("10")
    expect(page.locator("#parallel-plot canvas").first).to_be_visible()
    expect(page.locator("#pareto-words")).to_contain_text("of 8 runs")
    visit.open(address(state))
    expect(page.locator("#importance .warnings")).to_contain_text("runs; importances are rough")
    expect(page.locator("#importance .warnings")).to_contain_text("no finite value")
    page.locator("#q").fill("metrics.accuracy < 1 OR attributes.durations > 2h")
    page.locator("#q").press("Enter")
    expect(page.locator("#problem p")).to_contain_text("there is no attribute 'durations'")
    line, caret = page.locator("#problem pre").inner_text().split("\n")[:2]
    assert line[caret.index("^") :].startswith("durations")
    expect(page.locator("#answer")).to_be_hidden()
    page.locator("#q").fill("params.lr > 5")
    page.locator("#q").press("Enter")
    expect(page.locator("#empty")).to_contain_text("No run matches")
    expect(page.locator("#problem")).to_be_hidden()


def test_brushes_narrow_the_runs_by_keyboard_and_lead_to_other_pages(visit: Visit) -> None:
    axes = ["params.optimizer", "params.lr", "params.layers", "metrics.accuracy"]
    page = visit.open(sweep(visit, axis=axes, q="metrics.f1 > 0.7"))
    experiment = [visit.site.experiments["text-classifier"]]
    page.locator("#axis-details > summary").click()
    expect(page.get_by_label("Scale of lr")).to_have_value("log")
    page.get_by_label("lr from").fill("0.001")
    page.get_by_label("lr from").press("Tab")
    expect(page.get_by_label("lr to")).to_be_focused()
    page.get_by_label("Values of optimizer").click()
    page.get_by_role("dialog").get_by_label("sgd").uncheck()
    page.get_by_role("button", name="Show these").click()
    wanted = "metrics.f1 > 0.7 AND params.lr >= 0.001 AND params.optimizer != 'sgd'"
    expected = count(visit, wanted, experiment)
    assert 0 < expected < 100
    expect(page.locator("#chosen-count")).to_contain_text(f"{expected} of ")
    brushes = [json.loads(text) for text in query(page)["b"]]
    assert brushes == [
        ["params.lr", 0.001, None, "out"],
        ["params.optimizer", ["adam", "lion"]],
    ]
    page.get_by_label("To the right: lr").press("Enter")
    assert query(page)["axis"] == [axes[0], axes[2], axes[1], axes[3]]
    expect(page.get_by_label("To the right: lr")).to_be_focused()
    page.reload()
    visit.settle()
    expect(page.locator("#chosen-count")).to_contain_text(f"{expected} of ")
    page.locator("#run-details > summary").click()
    best = page.locator("#run-table tbody tr").first.locator("td").last.inner_text()
    everything = asked(
        visit,
        "runs/search",
        experiment_ids=experiment,
        filter=wanted,
        metrics=["accuracy"],
    )["columns"]
    accuracies = everything["metrics.accuracy"]
    assert float(best) == pytest.approx(max(accuracies), rel=1e-4)
    for link, least in (("#to-charts", 100), ("#to-compare", 500)):
        given = parse_qs(urlsplit(page.locator(link).get_attribute("href") or "").query)
        ids = given.get("run") or given["sel"][0].split(",")
        assert set(ids) <= set(everything["run_id"])
        assert len(ids) == min(least, expected)
    page.locator("#to-runs").click()
    visit.settle()
    expect(page.locator("#count")).to_have_text(f"{expected} runs")
    page.locator("#to-params").click()
    visit.settle()
    expect(page.locator("#count")).to_have_text(f"{expected} runs")


def test_an_axis_is_brushed_by_a_drag_and_let_go_by_a_click(visit: Visit) -> None:
    page = visit.open(sweep(visit, axis=["params.lr", "metrics.accuracy"]))
    drag(page, "metrics.accuracy", 0.1, 0.5)
    expect(page.locator("#chosen-count")).to_contain_text("of 130 runs")
    ((field, low, high, none),) = [json.loads(text) for text in query(page)["b"]]
    assert (field, high, none) == ("metrics.accuracy", None, "out")
    inside = count(visit, f"metrics.accuracy >= {low}", [visit.site.experiments["text-classifier"]])
    expect(page.locator("#chosen-count")).to_have_text(f"{inside} of 130 runs")
    drag(page, "metrics.accuracy", 0.3, 0.3)
    expect(page.locator("#chosen-count")).to_contain_text("All 130 runs")
    page.go_back()
    expect(page.locator("#chosen-count")).to_have_text(f"{inside} of 130 runs")
    page.keyboard.press("b")
    expect(page.locator("#chosen-count")).to_have_text("13 of 130 runs")
    page.keyboard.press("0")
    expect(page.locator("#chosen-count")).to_contain_text("All 130 runs")
    assert len(visit.asked_for("runs/search")) == 2  # keys and table; brushes ask for nothing


def test_runs_without_a_value_are_counted_and_can_be_chosen(visit: Visit) -> None:
    axes = ["params.model", "params.lr", "metrics.accuracy"]
    page = visit.open(address({"axis": axes, "metric": "accuracy"}))
    note = page.locator("#parallel-note")
    expect(note).to_contain_text("130 without model, 3 without a number in lr")
    expect(note).to_contain_text("15 without accuracy are grey")
    page.locator("#axis-details > summary").click()
    page.get_by_label("Runs without accuracy").select_option("only")
    expect(page.locator("#chosen-count")).to_have_text("15 of 145 runs")
    page.get_by_label("Values of model").click()
    page.get_by_role("dialog").get_by_label("none", exact=False).uncheck()
    page.get_by_role("dialog").get_by_label(HOSTILE).uncheck()
    page.get_by_role("button", name="Show these").click()
    expect(page.locator("#chosen-count")).to_have_text("14 of 145 runs")
    page.locator("#to-runs").click()
    visit.settle()
    expect(page.locator("#count")).to_have_text("14 runs")
    assert page.evaluate("window.hacked") is None


def test_draws_the_front_of_two_goals_and_tables_of_more(visit: Visit) -> None:
    page = visit.open(address({"metric": "val/loss", "obj": ["val/loss:min", "test/accuracy:max"]}))
    goals = [
        {"metric": "val/loss", "direction": "min"},
        {"metric": "test/accuracy", "direction": "max"},
    ]
    found = asked(visit, "runs/pareto", objectives=goals)
    front = [run for run in found["runs"] if run["on_front"]]
    rest, edge, best = drawn(page, PARETO)
    assert dict(zip(best["ids"], best["y"], strict=True)) == {
        run["run_id"]: run["values"][1] for run in front
    }
    assert len(rest["ids"]) == len(found["runs"]) - len(front)
    assert (edge["shape"], edge["x"]) == ("hv", sorted(run["values"][0] for run in front))
    expect(page.locator("#pareto-words")).to_contain_text(f"{len(front)} of 12 runs")
    expect(page.locator("#pareto-words")).to_contain_text("133 more lack a finite value")
    link = page.locator("#pareto-tables tbody a").first
    expect(link).to_have_text(front[0]["run_name"])
    assert (link.get_attribute("href") or "").endswith(front[0]["run_id"])
    page.get_by_role("button", name="Add a goal").click()
    page.get_by_label("Goal 3: metric").fill("train/loss")
    page.get_by_label("Goal 3: metric").press("Enter")
    expect(page.locator("#pareto-tables thead")).to_contain_text("train/loss (min)")  # guessed
    visit.settle()
    assert query(page)["obj"] == ["val/loss:min", "test/accuracy:max", "train/loss:min"]
    page.locator("#y").select_option("train/loss")
    visit.settle()
    assert query(page)["y"] == ["train/loss"]
    assert [trace["name"] for trace in drawn(page, PARETO)] == ["dominated", "on the front"]


def test_saves_pictures_and_numbers(visit: Visit, tmp_path: Path) -> None:
    axes = ["params.optimizer", "params.lr", "metrics.accuracy"]
    page = visit.open(sweep(visit, axis=axes, b=json.dumps(["params.optimizer", ["adam"]])))

    def saved(title: str, offer: str) -> bytes:
        page.get_by_role("button", name=f"Save {title}").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=offer, exact=True).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path.read_bytes()

    svg = ElementTree.fromstring(saved("Parallel coordinates", "Picture (SVG)"))
    lines = svg.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert sum(len((line.get("points") or "").split()) == 2 * len(axes) for line in lines) == 130
    assert saved("Parallel coordinates", "Picture (PNG)").startswith(b"\x89PNG")
    rows = list(
        csv.DictReader(io.StringIO(saved("Parallel coordinates", "All runs (CSV)").decode()))
    )
    assert len(rows) == 130
    assert all((row["params.optimizer"] == "adam") == (row["selected"] == "1") for row in rows)
    for title, offer in ((IMPORTANCE, "Importances (CSV)"), (PARETO, "All runs (CSV)")):
        assert saved(title, "Picture (SVG)").startswith(b"<svg")
        assert len(saved(title, offer).splitlines()) == (4 if title == IMPORTANCE else 131)


@pytest.mark.parametrize("width", [390])
def test_fits_a_phone_in_the_dark_and_without_the_chart_library(visit: Visit) -> None:
    def without(route: Route) -> None:
        answer = route.fetch()
        body = re.sub(r'<script id="plotly".*?</script>', "", answer.text())
        route.fulfill(response=answer, body=body)

    visit.page.route("**/headwater/params?*", without)
    page = visit.open(sweep(visit, b=json.dumps(["params.lr", 0.001, None, "in"])))
    page.locator("#axis-details > summary").click()
    inner = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert inner[0] <= inner[1]
    expect(page.get_by_label("lr from")).to_have_value("0.001")
    expect(page.get_by_role("region", name="Importances")).to_be_visible()
    expect(page.get_by_role("region", name="Runs on the front")).to_be_visible()
    corner = """() => {
      const canvas = document.querySelector("#parallel-plot canvas");
      return [...canvas.getContext("2d").getImageData(1, 1, 1, 1).data];
    }"""
    assert page.evaluate(corner) == [255, 255, 255, 255]
    visit.expected = re.compile("willReadFrequently")  # it is read here alone
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => ({corner})().join() === '23,27,30,255'")
