"""The page of charts, as somebody uses it."""

import csv
import io
import re
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Visit
from tests.browser.seed import API, HOSTILE, LONG, SPIKE, SPIKE_STEP, Site

MODELS = ("mlp", "resnet18", "vit-tiny")


def sweep(site: Site) -> list[str]:
    return [run_id for name, run_id in site.runs.items() if "-seed" in name]


def address(runs: list[str], **state: Any) -> str:
    return "charts?" + urlencode({"run": runs, **state}, doseq=True)


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def traces(page: Page, metric: str) -> list[Mapping[str, Any]]:
    """Return what Plotly has drawn of a metric."""
    return cast(
        list[Mapping[str, Any]],
        page.locator(f".panel[data-metric='{metric}'] .plot").evaluate(
            """plot => plot.data.map(({ name, x, y, fill, type, mode }) =>
                 ({ name, x: [...x], y: [...y], fill, type, mode }))"""
        ),
    )


def main(drawn: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [trace for trace in drawn if trace.get("name")]


def drag(page: Page, metric: str, start: float, end: float) -> None:
    """Drag over a part of a chart, in shares of its width."""
    area = page.locator(f".panel[data-metric='{metric}'] .draglayer .nsewdrag").bounding_box()
    assert area is not None
    middle = area["y"] + area["height"] / 2
    page.mouse.move(area["x"] + start * area["width"], middle)
    page.mouse.down()
    page.mouse.move(area["x"] + (start + end) / 2 * area["width"], middle, steps=3)
    page.mouse.move(area["x"] + end * area["width"], middle, steps=3)
    page.mouse.up()


def test_draws_the_metrics_of_the_chosen_runs(visit: Visit) -> None:
    page = visit.open(address(sweep(visit.site)))
    panels = page.locator(".panel").evaluate_all("all => all.map((one) => one.dataset.metric)")
    assert panels == ["train/loss", "val/accuracy", "val/loss", "test/accuracy"]
    assert len(main(traces(page, "train/loss"))) == 12
    assert traces(page, "test/accuracy")[0]["type"] == "bar"
    expect(page.locator("#legend li")).to_have_count(12)
    page.locator("#legend label", has_text="mlp-seed0").click()
    page.wait_for_function("() => location.search.includes('hide=')")
    assert query(page)["hide"] == [visit.site.runs["mlp-seed0"]]
    assert len(main(traces(page, "train/loss"))) == 11


def test_an_address_restores_the_view(visit: Visit) -> None:
    runs = sweep(visit.site)[:3]
    state = {"axis": "elapsed", "logy": 1, "smooth": 0.5, "group": "params.seed", "band": "sd"}
    limits = {"from": 100, "to": 900}
    metrics = ["val/loss", "test/accuracy"]
    page = visit.open(address(runs, metric=metrics, hide=runs[0], **state, **limits))
    expect(page.locator("#axis")).to_have_value("elapsed")
    expect(page.locator("#logy")).to_be_checked()
    expect(page.locator("#smooth")).to_have_value("0.5")
    expect(page.locator("#band")).to_have_value("sd")
    expect(page.locator("#from")).to_have_value("100")
    expect(page.locator(".panel")).to_have_count(2)
    assert traces(page, "test/accuracy")[0]["type"] == "bar"  # no range concerns it
    assert [trace["name"] for trace in main(traces(page, "val/loss"))] == ["seed=1", "seed=2"]
    layout = page.locator(".plot").first.evaluate(
        "plot => [plot.layout.xaxis.range, plot.layout.yaxis.type]"
    )
    assert layout == [[100, 900], "log"]
    page.reload()
    visit.settle()
    assert len(main(traces(page, "val/loss"))) == 2


def test_a_drag_fetches_the_range_with_all_its_points(visit: Visit) -> None:
    run = visit.site.runs["long"]
    page = visit.open(address([run]))
    facts = page.locator(".panel-facts")
    expect(facts).to_contain_text(f"of {LONG:,} points")
    whole = main(traces(page, "train/loss"))[0]
    assert max(whole["y"]) == SPIKE
    before = len(visit.asked_for("/metrics/series"))
    drag(page, "train/loss", 0.55, 0.65)
    page.wait_for_function("() => location.search.includes('from=')")
    visit.settle()
    expect(facts).not_to_contain_text("of")
    asked = visit.asked_for("/metrics/series")[before:]
    assert len(asked) == 1
    wanted = parse_qs(urlsplit(asked[0].url).query)
    start, end = int(wanted["start"][0]), int(wanted["end"][0])
    assert 0.5 * LONG < start < SPIKE_STEP < end < 0.7 * LONG
    assert main(traces(page, "train/loss"))[0]["x"] == list(range(start, end + 1))
    page.get_by_role("button", name="Whole range").click()
    expect(facts).to_contain_text(f"of {LONG:,} points")
    assert "from" not in query(page)
    page.go_back()
    expect(facts).not_to_contain_text("of")


def test_smoothing_keeps_the_extremes_in_sight(visit: Visit) -> None:
    page = visit.open(address([visit.site.runs["long"]], smooth=0.95))
    drawn = traces(page, "train/loss")
    assert [trace.get("fill") for trace in drawn] == [None, "tonexty", None]
    low, high, line = drawn
    assert max(line["y"]) < SPIKE / 4
    at = high["y"].index(SPIKE)
    assert min(high["x"]) <= SPIKE_STEP <= high["x"][at + 1]
    raw = page.evaluate(
        "address => fetch(address).then((answer) => answer.json())",
        f"/api/2.0/headwater/metrics/series?run_id={visit.site.runs['long']}&key=train/loss",
    )["series"][0]
    assert min(low["y"]) == min(raw["values"])
    assert max(high["y"]) == max(raw["values"])


def test_groups_show_their_mean_and_how_far_the_seeds_are_apart(visit: Visit) -> None:
    page = visit.open(address(sweep(visit.site), metric="val/loss", group="params.model"))
    expect(page.locator("#legend li")).to_have_count(3)
    expect(page.locator("#legend li").first).to_contain_text("4 runs")
    drawn = traces(page, "val/loss")
    assert [trace["name"] for trace in main(drawn)] == [f"model={model}" for model in MODELS]
    values = []
    for seed in range(4):
        history = httpx.get(
            f"{visit.url}{API}/metrics/get-history",
            params={"run_id": visit.site.runs[f"mlp-seed{seed}"], "metric_key": "val/loss"},
        ).json()["metrics"]
        values.append([point["value"] for point in history])
    low, high, mean = drawn[:3]
    assert mean["y"] == pytest.approx([statistics.fmean(at) for at in zip(*values, strict=True)])
    assert low["y"] == pytest.approx([min(at) for at in zip(*values, strict=True)])
    assert high["y"] == pytest.approx([max(at) for at in zip(*values, strict=True)])
    page.locator("#band").select_option("sd")
    page.wait_for_function("() => location.search.includes('band=sd')")
    visit.settle()
    expected = [statistics.fmean(at) + statistics.stdev(at) for at in zip(*values, strict=True)]
    assert traces(page, "val/loss")[1]["y"] == pytest.approx(expected)


def test_a_running_run_is_followed_until_it_ends(visit: Visit) -> None:
    client = httpx.Client(base_url=visit.url)
    now = int(time.time() * 1000)
    experiment = visit.site.experiments["vision/resnet-sweep"]
    created = client.post(
        f"{API}/runs/create",
        json={"experiment_id": experiment, "run_name": "followed", "start_time": now - 90_000_000},
    ).json()
    run = created["run"]["info"]["run_id"]

    def log(*values: float) -> None:
        nonlocal now
        points = [
            {"key": "loss", "value": value, "step": now + index, "timestamp": now + index}
            for index, value in enumerate(values)
        ]
        now += len(values)
        client.post(f"{API}/runs/log-batch", json={"run_id": run, "metrics": points})

    log(3.0, 2.0)
    page = visit.open(address([run]))
    expect(page.locator("#live-control")).to_be_visible()
    assert main(traces(page, "loss"))[0]["y"] == [3.0, 2.0]
    log(1.0)
    expect(page.locator(".panel-facts")).to_have_text("3 points")
    assert main(traces(page, "loss"))[0]["y"] == [3.0, 2.0, 1.0]
    client.post(f"{API}/runs/update", json={"run_id": run, "status": "FINISHED", "end_time": now})
    expect(page.locator("#live-control")).to_be_hidden()
    client.post(f"{API}/runs/delete", json={"run_id": run})
    client.close()


def test_saves_pictures_and_numbers(visit: Visit, tmp_path: Path) -> None:
    page = visit.open(
        address([visit.site.runs["mlp-seed0"], visit.site.runs["mlp-seed1"]], metric="val/loss")
    )
    begins = {"PNG": b"\x89PNG\r\n\x1a\n", "SVG": b"<svg"}
    for form, magic in begins.items():
        page.get_by_role("button", name="Save val/loss").click()
        with page.expect_download() as picture:
            page.get_by_role("button", name=f"Picture ({form})").click()
        assert picture.value.suggested_filename == f"val_loss.{form.lower()}"
        content = Path(picture.value.path()).read_bytes()
        assert content.startswith(magic)
        assert len(content) > 3000
        if form == "SVG":
            assert b"mlp-seed1" in content  # the legend, which the page shows beside it
    page.get_by_role("button", name="Save val/loss").click()
    with page.expect_download() as table:
        page.get_by_role("button", name="Points shown (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(Path(table.value.path()).read_text())))
    assert len(rows) == 100
    assert {row["run_name"] for row in rows} == {"mlp-seed0", "mlp-seed1"}
    drawn = main(traces(page, "val/loss"))[0]["y"]
    assert [float(row["value"]) for row in rows[:50]] == drawn


def test_axes(visit: Visit) -> None:
    page = visit.open(address([visit.site.runs["mlp-seed0"]], metric="val/loss"))

    def kinds() -> list[str]:
        return cast(
            list[str],
            page.locator(".plot").evaluate(
                "plot => [plot._fullLayout.xaxis.type, plot._fullLayout.yaxis.type]"
            ),
        )

    assert kinds() == ["linear", "linear"]
    page.locator("#logx").check()
    page.keyboard.press("l")
    page.wait_for_function("() => location.search.includes('logy=1')")
    visit.settle()
    assert kinds() == ["log", "log"]
    page.locator("#axis").select_option("time")
    page.wait_for_function("() => location.search.includes('axis=time')")
    visit.settle()
    assert kinds() == ["date", "log"]
    times = main(traces(page, "val/loss"))[0]["x"]
    page.locator("#axis").select_option("elapsed")
    page.wait_for_function("() => location.search.includes('axis=elapsed')")
    visit.settle()
    elapsed = main(traces(page, "val/loss"))[0]["x"]
    assert elapsed == pytest.approx([(at - times[0]) / 1000 for at in times])
    page.locator("#from").fill("300")
    page.locator("#from").press("Enter")
    page.wait_for_function("() => location.search.includes('from=300')")
    visit.settle()
    assert min(main(traces(page, "val/loss"))[0]["x"]) >= 300


def test_hostile_names_are_text(visit: Visit) -> None:
    page = visit.open(address([visit.site.runs[HOSTILE], visit.site.runs["mlp-seed0"]]))
    expect(page.locator("#legend")).to_contain_text(HOSTILE)
    page.locator(".panel[data-metric='train/loss'] .nsewdrag").hover(position={"x": 20, "y": 60})
    hover = page.locator(".panel[data-metric='train/loss'] .hoverlayer")
    expect(hover).to_contain_text("<img src=x")
    assert page.locator("main img").count() == 0
    page.locator("#group").click()
    page.get_by_role("checkbox", name="params.model").check()
    expect(page.locator("#legend")).to_contain_text(f"model={HOSTILE}")
    assert page.evaluate("window.hacked") is None


def test_colours_follow_the_theme(visit: Visit) -> None:
    page = visit.open(address([visit.site.runs["mlp-seed0"]], metric="val/loss"))
    paper = "plot => plot._fullLayout.paper_bgcolor"
    assert page.locator(".plot").evaluate(paper) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "() => document.querySelector('.plot')._fullLayout.paper_bgcolor !== 'rgb(255, 255, 255)'"
    )
    surface = page.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor")
    assert surface == "rgb(23, 27, 30)"
    assert page.locator(".plot").evaluate(paper) == surface


def test_says_when_there_is_nothing(visit: Visit) -> None:
    page = visit.open("charts")
    expect(page.locator("#empty")).to_contain_text("No runs are chosen")
    visit.expected = re.compile("status of 404")
    page = visit.open(address(["0" * 32]))
    expect(page.locator("#empty")).to_contain_text("None of these runs is there")


@pytest.mark.parametrize("width", [360])
def test_fits_a_phone(visit: Visit) -> None:
    page = visit.open(address(sweep(visit.site)))
    inner = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert inner[0] <= inner[1]
    widths = page.locator(".panel").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().right)"
    )
    assert max(widths) <= 360
