"""The documentation agrees with the code: links, options, routes, commands, examples."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
import typer.main

from headwater.cli import server as server_command
from headwater.cli.main import _COMMANDS
from headwater.demo.server import free_port, running_server
from headwater.server.routes import native_routes

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
TUTORIAL = DOCS / "tutorial" / "first-run.md"

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the page's code blocks in the given languages."""
    found = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return [match[3] for match in found if match[2] in languages]


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives the page's headings."""
    headings = (heading.lower().replace("`", "") for heading in _HEADING.findall(prose(page)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of every command line in the page's shell blocks."""
    for block in blocks(page, "sh", "bash", "shell", "console"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            while words and re.match(r"\w+=", words[0]):
                del words[0]
            if words:
                yield words


def server_parameters() -> list[typer.core.TyperOption]:
    app = typer.Typer(add_completion=False)
    server_command.register(app)
    command = typer.main.get_command(app)
    return [item for item in command.params if isinstance(item, typer.core.TyperOption)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    broken = []
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_index_names_every_page() -> None:
    index = DOCS / "index.md"
    linked = {(DOCS / link).resolve() for link in _LINK.findall(prose(index))}
    assert {page for page in DOCS.rglob("*.md") if page != index} - linked == set()


def test_every_option_of_the_server_is_documented() -> None:
    text = (DOCS / "reference" / "server.md").read_text(encoding="utf-8")
    parameters = server_parameters()
    assert len(parameters) > 20
    options = {name for item in parameters for name in [*item.opts, *item.secondary_opts]}
    variables = {str(item.envvar) for item in parameters if item.envvar and not item.hidden}
    words = set(re.findall(r"-{1,2}[a-z][a-z-]*|[A-Z][A-Z_]+", text))
    assert options - words - {"--help"} == set()
    assert variables - words == set()


def test_every_native_route_is_documented() -> None:
    text = (DOCS / "reference" / "tracking-api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(GET|POST|PATCH|DELETE) ([a-z/-]+)`", text))
    routes = native_routes()
    native = {(m, path.split("/mlflow/", 1)[1]) for m, path in routes if "/mlflow/" in path}
    assert len(native) > 20
    assert documented == native
    titles = {page.read_text(encoding="utf-8").partition("\n")[0] for page in PAGES}
    for method, path in routes:
        assert "/mlflow/" in path or f"# {method} {path}" in titles


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    options = {name for item in server_parameters() for name in [*item.opts, *item.secondary_opts]}
    for words in commands(page):
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets
        if words[0] == "headwater":
            assert words[1] in _COMMANDS or words[1] in ("--help", "--version")
            if words[1] == "server":
                used = {word.partition("=")[0] for word in words[2:] if word.startswith("-")}
                assert used - {"--help"} <= options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_compile(page: Path) -> None:
    for block in blocks(page, "python"):
        compile(block, str(page), "exec")


@pytest.mark.slow
def test_the_tutorial_works(tmp_path: Path) -> None:
    script = tmp_path / "tutorial.py"
    script.write_text("\n".join(blocks(TUTORIAL, "python")), encoding="utf-8")
    with running_server(tmp_path / "data", "127.0.0.1", free_port("127.0.0.1", 0)) as server:
        done = subprocess.run(
            [sys.executable, script],
            cwd=tmp_path,
            env={"MLFLOW_TRACKING_URI": server.address, "MLFLOW_DISABLE_TELEMETRY": "true"},
            capture_output=True,
            text=True,
            timeout=180,
        )
    assert done.returncode == 0, done.stderr
    assert "metrics.loss" in done.stdout
