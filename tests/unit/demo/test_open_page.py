"""The demo opens a page where somebody can see it, and nowhere else."""

from collections.abc import Mapping

import pytest

from headwater.demo.open_page import opens

DISPLAY = {"DISPLAY": ":0"}
WAYLAND = {"WAYLAND_DISPLAY": "wayland-0"}


@pytest.mark.parametrize(
    ("platform", "environment", "seen"),
    [
        ("linux", DISPLAY, True),
        ("linux", WAYLAND, True),
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("darwin", {}, True),
        ("win32", {}, True),
        ("darwin", {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, False),
        # A display that SSH passes on is where the person is.
        ("linux", {**DISPLAY, "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"}, True),
        ("linux", {**DISPLAY, "CI": "true"}, False),
        ("darwin", {"CI": "1"}, False),
        ("linux", {**DISPLAY, "CI": "false"}, True),
    ],
)
def test_a_page_opens_where_it_can_be_seen(
    platform: str, environment: Mapping[str, str], seen: bool
) -> None:
    def said(*, wanted: bool = True, at_terminal: bool = True) -> bool:
        return opens(
            wanted=wanted, at_terminal=at_terminal, platform=platform, environment=environment
        )

    assert said() == seen
    assert not said(wanted=False)
    assert not said(at_terminal=False)
