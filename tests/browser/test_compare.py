"""The page that compares groups of runs, as somebody uses it."""

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser.conftest import Visit
from tests.browser.seed import HOSTILE, Site

BAD_REQUEST = re.compile("status of 400")
QUESTION = {
    "group_by": "params.model",
    "candidate": "vit-tiny",
    "filter": "metrics.`test/accuracy` > 0",
    "metric": "test/accuracy",
    "direction": "higher",
    "paired_by": "params.seed",
}
VALUES, RANKS = "Values and difference", "Mean ranks"
PROFILES, DISTRIBUTION = "Performance profiles", "Distribution"


def address(state: Mapping[str, Any]) -> str:
    return "compare?" + urlencode(state, doseq=True)


def group(name: str, filter_: str) -> str:
    return json.dumps([name, filter_], separators=(",", ":"))


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def asked(site: Site, **body: Any) -> Any:
    answer = httpx.post(f"{site.url}/api/2.0/headwater/compare", json=body)
    return answer.raise_for_status().json()


def traces(page: Page, figure: str) -> list[dict[str, Any]]:
    """Return what Plotly has drawn."""
    return cast(
        list[dict[str, Any]],
        page.locator(f"[data-figure='{figure}'] .plot").evaluate(
            """plot => plot.data.map(({ name, x, y, text, mode, yaxis, customdata }) =>
                 ({ name, x: [...x], y: [...y], text, mode, yaxis, ids: customdata }))"""
        ),
    )


def named(drawn: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [trace for trace in drawn if trace["name"] == name]


def test_an_address_asks_and_shows_the_verdict_of_the_server(visit: Visit) -> None:
    page = visit.open(address(QUESTION))
    verdict = asked(visit.site, **{**QUESTION, "group_by": ["params.model"]})
    expect(page.locator("#headline")).to_have_text(
        verdict["headline"].replace("params.model = ", "")
    )
    expect(page.locator(".headline .badge")).to_have_text(f"▲{verdict['decision']}")
    expect(page.locator(".candidate")).to_have_text("Candidate: params.model = vit-tiny")
    rows = page.locator(".comparisons tbody tr")
    assert rows.locator("th").all_inner_texts() == ["mlp", "resnet18"]
    for row, found in zip(rows.all(), verdict["comparisons"], strict=True):
        cells = row.locator("td").all_inner_texts()
        assert cells[6] == "4 pairs"
        assert float(cells[1]) == pytest.approx(found["estimate"], rel=1e-3)
        assert cells[0].split()[-1] == found["decision"]
    expect(page.locator("#group_by")).to_have_value("params.model")
    expect(page.locator("#paired_by")).to_have_value("params.seed")
    assert query(page) == {name: [value] for name, value in QUESTION.items()}
    page.locator(".one summary").first.click()
    expect(page.locator(".one").first).to_contain_text(verdict["comparisons"][0]["test"]["method"])
    expect(page.locator(".one").first).to_contain_text(verdict["comparisons"][0]["why"][0])
    expect(page.locator(".unused li")).to_have_count(len(verdict["unused"]))


def test_draws_every_run_the_means_and_the_difference(visit: Visit) -> None:
    state = {
        "group": [
            group("new", "params.model = 'vit-tiny'"),
            group("old", "params.model = 'mlp'"),
        ],
        "metric": "test/accuracy",
        "direction": "higher",
        "paired_by": "params.seed",
    }
    page = visit.open(address(state))
    groups = [
        {"name": name, "filter": f"params.model = '{model}'"}
        for name, model in (("new", "vit-tiny"), ("old", "mlp"))
    ]
    body = {name: value for name, value in state.items() if name != "group"}
    verdict = asked(visit.site, groups=groups, **body)
    drawn = traces(page, VALUES)
    for place, each in enumerate(verdict["groups"]):
        (points,) = named(drawn, each["name"])
        values = {run["run_id"]: run["value"] for run in each["runs"] if "value" in run}
        kept = {run_id: value for run_id, value in values.items() if value is not None}
        assert dict(zip(points["ids"], points["y"], strict=True)) == kept
        assert set(points["x"]) == {place}
    (points,) = named(drawn, "new")
    at = points["ids"].index(visit.site.runs["vit-tiny-seed2"])
    assert points["text"][at].startswith("vit-tiny-seed2<br>")
    assert "params.seed 2" in points["text"][at]
    (found,) = verdict["comparisons"]
    (interval,) = named(drawn, "interval")
    (difference,) = named(drawn, "difference")
    assert interval["y"] == [found["interval"]["low"], found["interval"]["high"]]
    assert (difference["y"], difference["yaxis"]) == ([found["estimate"]], "y2")
    (pairs,) = named(drawn, "pairs")
    assert pairs["x"] == [0, 1, None] * 4
    # The second axis begins where the mean of the other group is, in the same units.
    main, second = page.locator(f"[data-figure='{VALUES}'] .plot").evaluate(
        "plot => [plot.layout.yaxis.range, plot.layout.yaxis2.range]"
    )
    assert [a - b for a, b in zip(main, second, strict=True)] == pytest.approx(
        [found["means"][1]] * 2
    )
    assert page.locator(f"[data-figure='{RANKS}']").count() == 0


def test_ranks_groups_that_are_paired(visit: Visit) -> None:
    page = visit.open(address(QUESTION))
    ranks = asked(visit.site, **{**QUESTION, "group_by": ["params.model"]})["ranks"]
    (points,) = named(traces(page, RANKS), "mean ranks")
    assert points["x"] == ranks["mean_ranks"]
    assert len(named(traces(page, RANKS), "no difference")) == len(ranks["cliques"])
    label = page.locator(f"[data-figure='{RANKS}'] .plot").get_attribute("aria-label")
    assert label is not None
    assert f"vit-tiny {ranks['mean_ranks'][0]:.2f}" in label
    (first, *_) = named(traces(page, VALUES), "difference")
    assert first["x"] == [1]


def test_draws_profiles_over_tasks_or_all_runs(visit: Visit) -> None:
    state = {
        "group_by": "params.optimizer",
        "candidate": "lion",
        "filter": "metrics.accuracy > 0",
        "metric": "accuracy",
        "direction": "higher",
        "paired_by": "params.layers",
    }
    page = visit.open(address(state))
    profiles = asked(visit.site, **{**state, "group_by": ["params.optimizer"]})["profiles"]
    assert profiles["tasks"] > 1
    drawn = traces(page, PROFILES)
    (candidate,) = named(drawn, "lion")
    assert candidate["y"] == [1, *profiles["groups"][0]["share"], 0]
    assert candidate["x"][1:-1] == profiles["thresholds"]
    low, high = named(drawn, "band of lion")
    assert low["y"][1:-1] == profiles["groups"][0]["low"]
    assert high["y"][1:-1] == profiles["groups"][0]["high"]
    caption = page.locator(f"[data-figure='{PROFILES}'] .caption")
    expect(caption).to_contain_text("values of params.layers counting alike")
    # A value of the seed has one run of each model.
    visit.open(address({**QUESTION, "direction": "lower"}))
    (candidate,) = named(traces(page, DISTRIBUTION), "vit-tiny")
    assert (candidate["y"][0], candidate["y"][-1]) == (0, 1)


def test_the_form_asks_and_the_address_follows(visit: Visit) -> None:
    page = visit.open("compare")
    expect(page.locator("#empty")).to_contain_text("Is one group of runs better than another?")
    page.keyboard.press("/")
    expect(page.locator("#metric")).to_be_focused()
    offered = page.locator("#known-metrics option").evaluate_all("all => all.map((o) => o.value)")
    assert {"test/accuracy", "train/loss", "accuracy"} <= set(offered)
    page.get_by_text("By filters", exact=True).click()
    page.get_by_label("Candidate: name").fill("small")
    page.get_by_label("Candidate: filter").fill("params.model = 'mlp'")
    page.get_by_label("Against: name").fill("large")
    page.get_by_label("Against: filter").fill("params.model = 'resnet18'")
    page.locator("#metric").fill("train/loss")
    page.locator("#metric").press("Tab")
    expect(page.get_by_role("radio", name="Lower is better")).to_be_checked()  # a loss
    page.locator("#reduction").fill("mean:50")
    page.locator("#reduction").press("Enter")
    expect(page.locator("#headline")).to_contain_text("small is worse than large")
    visit.settle()
    assert query(page)["group"] == [
        group("small", "params.model = 'mlp'"),
        group("large", "params.model = 'resnet18'"),
    ]
    page.get_by_role("button", name="Make it the candidate").click()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#headline")).to_contain_text("large is better than small")
    visit.settle()
    page.get_by_role("button", name="Pair by params.seed").click()
    expect(page.locator("#headline")).to_contain_text("4 pairs")
    assert query(page)["paired_by"] == ["params.seed"]
    page.go_back()
    page.go_back()
    expect(page.locator("#headline")).to_contain_text("small is worse than large")
    expect(page.locator("#paired_by")).to_have_value("")


def test_errors_stand_at_their_fields(visit: Visit) -> None:
    visit.expected = BAD_REQUEST
    wrong = "params.model = 'mlp' AND attributes.durations > 2h"
    state = {
        "group": [group("a", "params.model = 'resnet18'"), group("b", wrong)],
        "metric": "train/loss",
        "direction": "lower",
    }
    page = visit.open(address(state))
    entry = page.locator("#groups li").nth(1)
    expect(entry.locator(".wrong p")).to_contain_text("there is no attribute 'durations'")
    line, caret = entry.locator(".wrong pre").inner_text().split("\n")[:2]
    assert line[caret.index("^") :].startswith("durations")
    box = entry.locator(".code")
    expect(box).to_be_focused()
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill("params.model = 'nothing'")
    box.press("Enter")
    expect(entry.locator(".wrong")).to_contain_text("no run is in the group")
    box.fill("params.model = 'mlp'")
    page.locator("#margin").fill("little")
    page.locator("#margin").press("Enter")
    expect(page.locator("[data-field=margin] .wrong")).to_contain_text("Expected `float")
    page.locator("#margin").fill("")
    page.locator("#paired_by").fill("params")
    page.locator("#paired_by").press("Enter")
    expect(page.locator("[data-field=paired_by] .wrong")).to_be_visible()
    page.locator("#paired_by").fill("")
    page.locator("#metric").fill("")
    page.locator("#metric").press("Enter")
    expect(page.locator("[data-field=metric] .wrong")).to_contain_text("say what is compared")
    page.locator("#metric").fill("train/loss")
    page.locator("#metric").press("Enter")
    expect(page.locator("#headline")).to_be_visible()
    expect(page.locator(".wrong")).to_have_count(0)


def test_compares_the_runs_that_were_selected(visit: Visit) -> None:
    runs = [
        run_id
        for name, run_id in visit.site.runs.items()
        if re.fullmatch(r"(mlp|vit-tiny)-seed\d", name)
    ]
    page = visit.open(f"runs?sel={','.join(runs)}")
    page.locator("#grid").focus()
    page.keyboard.press("v")
    page.wait_for_url("**/headwater/compare?*")
    expect(page.locator("#selection")).to_contain_text("Of 8 selected runs")
    # What tells them apart, and what pairs them, is guessed; the metric is any.
    expect(page.locator("#group_by")).to_have_value("params.model")
    expect(page.locator("#paired_by")).to_have_value("params.seed")
    page.locator("#candidate").fill("vit-tiny")
    page.locator("#metric").fill("test/accuracy")
    page.get_by_text("Higher is better", exact=True).click()
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#headline")).to_contain_text("vit-tiny is better than mlp")
    visit.settle()
    assert query(page)["sel"] == [",".join(runs)]
    shown = [trace["ids"] for trace in traces(page, VALUES) if trace["ids"]]
    assert {run_id for ids in shown for run_id in ids} == set(runs)
    visit.expected = BAD_REQUEST
    page.locator("#filter").fill("metrics.loss <")
    page.locator("#filter").press("Enter")
    problem = page.locator("[data-field=filter] .wrong")
    expect(problem).to_contain_text("column")
    expect(problem).not_to_contain_text(runs[0])


def test_hostile_names_are_text(visit: Visit) -> None:
    state = {"group_by": "params.model", "metric": "train/loss", "direction": "lower"}
    page = visit.open(address({**state, "candidate": HOSTILE}))
    expect(page.locator(".candidate")).to_contain_text(HOSTILE)
    expect(page.locator("#headline")).to_contain_text(HOSTILE)
    page.locator("#values > summary").click()
    expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()
    points = [trace for trace in traces(page, VALUES) if trace["ids"]]
    assert "<img" not in json.dumps(points)
    assert "&lt;img" in points[0]["text"][0]
    name = "<b>x</b><script>window.hacked=1</script>"
    visit.open(
        address(
            {
                "metric": "train/loss",
                "direction": "lower",
                "group": [
                    group(name, "params.model = 'mlp'"),
                    group("other", "params.model = 'vit-tiny'"),
                ],
            }
        )
    )
    expect(page.locator(".candidate strong")).to_have_text(name)
    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("window.hacked") is None


def test_saves_values_verdict_and_pictures(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(address(QUESTION))

    def saved(button: str) -> Path:
        with page.expect_download() as download:
            page.get_by_role("button", name=button, exact=True).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    body = {**QUESTION, "group_by": ["params.model"]}
    verdict = asked(visit.site, **body)
    assert json.loads(saved("JSON").read_text()) == verdict
    rows = list(csv.DictReader(io.StringIO(saved("CSV").read_text())))
    assert len(rows) == sum(len(each["runs"]) for each in verdict["groups"])
    (row,) = [row for row in rows if row["run_name"] == "mlp-seed1"]
    assert (row["group"], row["pair"]) == ("params.model = mlp", "1")
    runs = {run["run_id"]: run for each in verdict["groups"] for run in each["runs"]}
    assert float(row["value"]) == runs[row["run_id"]]["value"]
    for figure in (VALUES, RANKS, DISTRIBUTION):
        page.get_by_role("button", name=f"Save {figure}").click()
        picture = saved("Picture (SVG)").read_text()
        assert picture.startswith("<svg")
    page.get_by_role("button", name=f"Save {VALUES}").click()
    assert saved("Picture (PNG)").read_bytes().startswith(b"\x89PNG")
    markdown = httpx.post(
        f"{visit.url}/api/2.0/headwater/compare", json=body, headers={"Accept": "text/markdown"}
    ).text
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.locator(".actions .button").first).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == markdown
    page.context.clear_permissions()


def test_the_figures_follow_the_theme(visit: Visit) -> None:
    page = visit.open(address(QUESTION))
    ground = "plot => plot.layout.paper_bgcolor"
    light = page.locator(f"[data-figure='{VALUES}'] .plot").evaluate(ground)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        """before => [...document.querySelectorAll(".figures .plot")].every(
             ({ layout }) => layout.paper_bgcolor !== before)""",
        arg=light,
    )


def test_answers_without_the_chart_library(visit: Visit) -> None:
    def without(route: Route) -> None:
        answer = route.fetch()
        body = re.sub(r'<script id="plotly".*?</script>', "", answer.text())
        route.fulfill(response=answer, body=body)

    visit.page.route("**/headwater/compare?*", without)
    page = visit.open(address(QUESTION))
    expect(page.locator("#headline")).to_contain_text("vit-tiny is better than mlp and resnet18")
    expect(page.locator("#plots")).to_be_hidden()


@pytest.mark.parametrize("width", [390])
def test_fits_a_phone(visit: Visit) -> None:
    page = visit.open(address(QUESTION))
    inner = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert inner[0] <= inner[1]
    expect(page.locator("#ask")).to_be_hidden()
    expect(page.locator("#headline")).to_be_in_viewport()
    page.locator("#ask-details > summary").click()
    page.locator("#candidate").fill("mlp")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.locator("#headline")).to_contain_text("mlp is worse than")
    expect(page.locator("#ask")).to_be_hidden()
