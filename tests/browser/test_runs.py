"""The page of runs, as somebody uses it."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Visit
from tests.browser.seed import HOSTILE

BAD_REQUEST = re.compile("status of 400")


def names(page: Page) -> list[str]:
    return page.locator("#grid td.name").all_inner_texts()


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query, keep_blank_values=True)


def column(page: Page, title: str) -> list[str]:
    titles = page.locator("#grid thead th").all_inner_texts()
    place = next(i for i, text in enumerate(titles) if text.split("\n")[0].strip() == title)
    return page.locator(f"#grid tr[data-index] td:nth-child({place + 1})").all_inner_texts()


def test_shows_the_newest_runs_of_all_experiments_first(visit: Visit) -> None:
    page = visit.open("")
    assert urlsplit(page.url).path == "/headwater/runs"
    expect(page.locator("#count")).to_have_text("145 runs")
    assert names(page)[0] == "going"
    expect(page.locator("#places [aria-current]")).to_contain_text("All experiments")
    expect(page.locator(".facet[data-field=status]")).to_contain_text("finished")


def test_sorts_by_a_column_and_says_so_in_the_address(visit: Visit) -> None:
    page = visit.open(f"runs?exp={visit.site.experiments['text-classifier']}")
    page.get_by_role("button", name="accuracy", exact=True).first.click()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("accuracy")
    visit.settle()
    rising = [float(text) for text in column(page, "accuracy")]
    assert rising == sorted(rising)
    page.get_by_role("button", name="accuracy", exact=True).first.click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("accuracy")
    visit.settle()
    falling = [float(text) for text in column(page, "accuracy")]
    assert len(falling) > 10
    assert falling == sorted(falling, reverse=True)
    assert falling != rising
    assert query(page)["sort"] == ["metrics.accuracy:desc"]
    page.go_back()
    expect(page.locator("th[aria-sort=ascending]")).to_contain_text("accuracy")


def test_an_address_restores_the_view(visit: Visit) -> None:
    run = visit.site.runs["sweep-003"]
    facet = quote(json.dumps(["params.optimizer", ["adam", "sgd"]]))
    page = visit.open(
        "runs?project=team/language&q=metrics.accuracy%20%3E%200.8&sort=params.lr:asc"
        f"&col=metrics.f1&col=params.optimizer&facet=params.layers&f={facet}&sel={run}"
    )
    expect(page.locator("#q")).to_have_value("metrics.accuracy > 0.8")
    expect(page.locator("#places [aria-current]")).to_contain_text("language")
    expect(page.locator("th[aria-sort]")).to_have_count(0)  # its column is not shown
    assert set(column(page, "optimizer")) == {"adam", "sgd"}
    assert all(column(page, "f1"))
    titles = page.locator("#grid thead th .sorter-text").all_inner_texts()
    assert titles == ["Name", "f1", "optimizer"]
    expect(page.locator("#chosen-count")).to_have_text("1 selected")
    fields = page.locator(".facet").evaluate_all("all => all.map((one) => one.dataset.field)")
    assert fields == ["params.layers", "params.optimizer"]
    shown = page.locator("#count").inner_text()
    page.reload()
    visit.settle()
    expect(page.locator("#count")).to_have_text(shown)


def test_shows_where_a_search_is_wrong(visit: Visit) -> None:
    visit.expected = BAD_REQUEST
    facet = quote(json.dumps(["status", ["FINISHED"]]))
    page = visit.open(f"runs?f={facet}")
    wrong = "metrics.loss < 1 OR attributes.durations > 2h"
    page.locator("#q").fill(wrong)
    page.locator("#q").press("Enter")
    expect(page.locator("#problem")).to_be_visible()
    expect(page.locator("#problem p")).to_contain_text("column 32")
    line, caret = page.locator("#problem pre").inner_text().split("\n")[:2]
    assert line.strip() == wrong
    assert line[caret.index("^") :].startswith("durations")
    assert page.evaluate("document.getElementById('q').selectionStart") == 31
    page.locator("#q").fill("metrics.accuracy > 0.5")
    page.locator("#q").press("Enter")
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.locator("#count")).to_contain_text("runs")


def test_scrolling_loads_the_rest_and_keeps_few_rows(visit: Visit) -> None:
    page = visit.open(f"runs?exp={visit.site.experiments['text-classifier']}")
    seen: set[str] = set(names(page))
    for _ in range(12):
        page.locator("#grid").evaluate("grid => grid.scrollBy(0, 500)")
        page.wait_for_timeout(60)
        seen.update(names(page))
        assert page.locator("#grid tr[data-index]").count() < 60
    assert seen == {f"sweep-{index:03d}" for index in range(130)}
    expect(page.locator(".grid-foot")).to_have_text("All 130 runs")
    bodies = [request.post_data_json for request in visit.asked_for("/headwater/runs/search")]
    pages = [body for body in bodies if body is not None and "order_by" in body]
    assert [bool(body["page_token"]) for body in pages] == [False, True]
    # The address says which page is in view; from there the rows go on to both sides.
    assert query(page)["page"] == [pages[1]["page_token"]]
    page.reload()
    visit.settle()
    seen = set(names(page))
    assert "sweep-020" in seen
    assert "sweep-129" not in seen
    for distance in (500, *[-500] * 12):
        page.locator("#grid").evaluate("(grid, by) => grid.scrollBy(0, by)", distance)
        page.wait_for_timeout(60)
        seen.update(names(page))
    assert seen == {f"sweep-{index:03d}" for index in range(130)}
    assert "page" not in query(page)


def test_a_place_in_another_list_shows_it_from_the_start(visit: Visit) -> None:
    visit.expected = BAD_REQUEST
    page = visit.open("runs?sort=metrics.f1:asc&page=e30")
    expect(page.locator("#count")).to_have_text("145 runs")
    expect(page.locator("#problem")).to_be_hidden()
    assert "page" not in query(page)


def test_works_by_keyboard_alone(visit: Visit) -> None:
    page = visit.open(f"runs?exp={visit.site.experiments['vision/resnet-sweep']}")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#shortcuts")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("params.model = 'mlp'")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("4 runs")
    visit.settle()
    page.locator("#grid").focus()
    for key in ("ArrowDown", "x", "j", "Space"):
        page.keyboard.press(key)
    active = page.locator("#grid").get_attribute("aria-activedescendant")
    assert active == "row-2"
    expect(page.locator("tr[aria-selected=true]")).to_have_count(2)
    expect(page.locator("#live")).to_have_text("2 selected")
    assert len(query(page)["sel"][0].split(",")) == 2
    page.keyboard.press("c")
    page.wait_for_url("**/headwater/charts?*")
    assert len(query(page)["run"]) == 2
    visit.settle()
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/headwater/runs")


def test_every_focusable_part_shows_its_focus(visit: Visit) -> None:
    page = visit.open("runs")
    for _ in range(12):
        page.keyboard.press("Tab")
        style = page.evaluate(
            """() => {
              const element = document.activeElement.closest(".field") ?? document.activeElement;
              const { outlineStyle, boxShadow } = getComputedStyle(element);
              const shown = outlineStyle !== "none" || boxShadow !== "none";
              return [shown, element.outerHTML.slice(0, 80)];
            }"""
        )
        assert style[0], style[1]


def test_facets_narrow_the_search(visit: Visit) -> None:
    page = visit.open(f"runs?exp={visit.site.experiments['text-classifier']}")
    page.locator(".facet[data-field='params.optimizer'] label", has_text="lion").click()
    visit.settle()
    assert set(column(page, "optimizer")) == {"lion"}
    expect(page.locator(".facet[data-field='params.optimizer'] label")).to_have_count(3)
    accuracy = page.locator(".facet[data-field='metrics.accuracy']")
    expect(accuracy.locator(".bin")).to_have_count(24)
    accuracy.get_by_label("accuracy from").fill("0.9")
    accuracy.get_by_label("accuracy from").press("Enter")
    expect(page.locator("#grid")).to_have_attribute("aria-busy", "false")
    page.wait_for_function("() => location.search.includes('accuracy')")
    visit.settle()
    assert min(float(text) for text in column(page, "accuracy")) >= 0.9
    page.get_by_role("button", name="Any optimizer").click()
    visit.settle()
    expect(page.locator(".facet[data-field='params.optimizer'] input:checked")).to_have_count(0)
    assert len(set(column(page, "optimizer"))) == 3


def test_columns_are_chosen_and_typed(visit: Visit) -> None:
    page = visit.open(f"runs?exp={visit.site.experiments['vision/resnet-sweep']}")
    page.locator("#columns").click()
    page.get_by_role("checkbox", name="val/accuracy").check()
    page.get_by_role("checkbox", name="Status").uncheck()
    page.get_by_label("Find", exact=True).fill("rare key")
    page.get_by_role("button", name="params.rare key").click()
    page.keyboard.press("Escape")
    expect(page.locator("#columns")).to_be_focused()
    visit.settle()
    titles = page.locator("#grid thead th .sorter-text").all_inner_texts()
    assert "Status" not in titles
    assert titles[-1] == "rare key"
    assert "val/accuracy" in titles
    assert "params.rare key" in query(page)["col"]


def test_saves_a_search_and_uses_it_again(visit: Visit) -> None:
    page = visit.open(
        "runs?project=team/language&q=metrics.accuracy%20%3E%200.9&sort=metrics.f1:desc"
    )
    wanted = page.locator("#count").inner_text()
    page.locator("#saved").click()
    page.get_by_label("Name of this search").fill("good & <b>new</b>")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".menu")).to_have_count(0)
    visit.open("runs?project=team")
    page.locator("#saved").click()
    page.get_by_role("button", name="good & <b>new</b>", exact=True).click()
    expect(page.locator("#count")).to_have_text(wanted)
    expect(page.locator("#q")).to_have_value("metrics.accuracy > 0.9")
    assert query(page)["sort"] == ["metrics.f1:desc"]
    page.locator("#saved").click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete good & <b>new</b>").click()
    expect(page.locator(".menu")).to_contain_text("No saved searches here yet")


def test_hostile_names_are_text(visit: Visit) -> None:
    page = visit.open("runs?col=params.model&facet=params.model")
    assert HOSTILE in names(page)
    expect(page.locator(".facet", has_text=HOSTILE)).to_be_visible()
    page.locator("#place-filter").fill(HOSTILE)
    assert page.locator("main img").count() == 0
    assert page.evaluate("window.hacked") is None
    page.locator("#q").fill("tags.`<img src=x onerror=window.hacked=1>` = 'x' OR (")
    visit.expected = BAD_REQUEST
    page.locator("#q").press("Enter")
    expect(page.locator("#problem")).to_contain_text("<img src=x")
    assert page.locator("#problem img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_the_theme_follows_the_system_until_one_is_chosen(visit: Visit) -> None:
    page = visit.open("runs")

    def ground() -> Any:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = ground()
    page.emulate_media(color_scheme="dark")
    dark = ground()
    assert light != dark
    page.locator("#theme").click()
    assert ground() == light
    page.keyboard.press("t")
    page.emulate_media(color_scheme="light")
    assert ground() == dark
    page.reload()
    assert ground() == dark
    expect(page.locator("#theme")).to_have_attribute("aria-label", "Theme: dark. Switch to system")
    page.locator("#theme").click()
    assert ground() == light


@pytest.mark.parametrize("width", [360])
def test_fits_a_phone(visit: Visit) -> None:
    page = visit.open("runs")
    inner = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert inner[0] <= inner[1]
    expect(page.locator("#side")).to_be_hidden()
    page.locator("#side-toggle").click()
    expect(page.locator("#side")).to_be_visible()
    page.get_by_role("link", name="text-classifier").click()
    expect(page.locator("#count")).to_have_text("130 runs")
    page.keyboard.press("Escape")
    expect(page.locator("#side")).to_be_hidden()
