"""A server with runs on it, and a real Chromium that looks at its pages."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)
from tests.browser.seed import Site, fill
from tests.server import Server

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 15_000


def chromium() -> str:
    """Return the path of a Chromium; a test without one must not pass in silence."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("HEADWATER_CHROMIUM") or next(
        filter(None, map(shutil.which, names)), None
    )
    assert found, "the browser tests need Chromium; tools/chromium installs it on Debian"
    return found


@pytest.fixture(scope="session")
def site(server: Server) -> Site:
    return fill(server.url, now=int(time.time() * 1000))


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """One fresh profile for all tests, on disk, so that compiled scripts are kept, too."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=chromium(),
            args=ARGUMENTS,
            color_scheme="light",
            accept_downloads=True,
        )
        context.set_default_timeout(PATIENCE_MS)
        yield context
        context.close()


@dataclass
class Visit:
    """A page, and what must not happen on it."""

    page: Page
    url: str
    site: Site
    wrong: list[str] = field(default_factory=list)
    """What the console or an uncaught error said, and requests to anywhere else."""

    asked: list[Request] = field(default_factory=list)
    expected: re.Pattern[str] | None = None
    """What the console may say all the same."""

    def open(self, path: str) -> Page:
        """Go to a page below /headwater/ and wait until it has what it wants to show."""
        self.page.goto(f"{self.url}/headwater/{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        """Wait until the page is no longer loading."""
        self.page.wait_for_function(
            """() => {
              const grid = document.getElementById("grid");
              if (grid) return grid.getAttribute("aria-busy") === "false";
              const answer = document.getElementById("answer");
              const drawing = document.querySelector(".panel.loading");
              if (answer) return answer.getAttribute("aria-busy") === "false" && !drawing;
              const panels = document.querySelectorAll(".panel");
              const empty = document.getElementById("empty");
              if (!panels.length) return !empty || !empty.hidden;
              return !drawing;
            }"""
        )

    def asked_for(self, part: str) -> list[Request]:
        return [request for request in self.asked if part in request.url]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not (
            self.expected and self.expected.search(message.text)
        ):
            self.wrong.append(message.text)

    def _request(self, request: Request) -> None:
        self.asked.append(request)
        if not request.url.startswith((self.url, "data:", "blob:")):
            self.wrong.append(f"a request left the host: {request.url}")


@pytest.fixture
def width() -> int:
    """How wide the window is; parametrize to change it."""
    return 1280


@contextlib.contextmanager
def visiting(context: BrowserContext, site: Site, width: int = 1280) -> Iterator[Visit]:
    """Open a window; on exit nothing may have gone wrong on its pages."""
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    visit = Visit(page, site.url, site)
    page.on("console", visit._console)
    page.on("pageerror", lambda error: visit.wrong.append(str(error)))
    page.on("request", visit._request)
    yield visit
    page.evaluate("localStorage.clear()")
    page.close()
    assert visit.wrong == []


@pytest.fixture
def visit(context: BrowserContext, site: Site, width: int) -> Iterator[Visit]:
    with visiting(context, site, width) as visit:
        yield visit
