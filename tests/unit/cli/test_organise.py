"""The commands of the how-to do what it says, one after the other."""

import re
import uuid

from tests.server import Server
from tests.unit.cli.command import Command
from tests.unit.cli.test_runs import Runs
from tests.unit.docs.test_documentation import DOCS, commands

NAMES = r"detector-baseline|detector-large|segmenter|scratch|best|team|research"


def test_the_how_to_works(server: Server, on_server: Command) -> None:
    suffix, runs = uuid.uuid4().hex, Runs(server.url, on_server)
    runs.close()
    for name in ("detector-baseline", "detector-large", "scratch"):
        on_server("experiments", "create", f"{name}-{suffix}")
    ran = 0
    for words in commands(DOCS / "how-to" / "organise.md"):
        if words[0] == "headwater":
            # Its names as this test has them, and nothing to a file.
            given = [re.sub(rf"^({NAMES})(?=$|/)", rf"\1-{suffix}", word) for word in words[1:]]
            ids = [{"4b0d…": runs.ids[0], "4b17…": runs.ids[1]}.get(word, word) for word in given]
            done = on_server(*(ids[: ids.index(">")] if ">" in ids else ids))
            assert done.status == 0, (words, done.err)
            ran += 1
    assert ran == 10
    placed = on_server("experiments", "list", "-p", f"research-{suffix}/vision", "--csv").csv
    assert {row["name"].removesuffix(f"-{suffix}"): row["runs"] for row in placed} == {
        "detector-baseline": "3",
        "detector-large": "0",
        "segmenter": "0",
    }
