"""Opens the demo's comparison in a browser, where somebody sits before one."""

import os
import sys
import webbrowser
from collections.abc import Mapping

_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")
_TRUE = ("1", "true", "yes")


def has_screen(platform: str, environment: Mapping[str, str]) -> bool:
    """Say whether a browser's window could be seen; on a Mac or Windows, it is not over SSH."""
    if platform in ("darwin", "win32", "cygwin"):
        return not environment.get("SSH_CONNECTION")
    return any(environment.get(name) for name in _DISPLAYS)


def in_ci(environment: Mapping[str, str]) -> bool:
    """Say whether this is a job of continuous integration."""
    return environment.get("CI", "").lower() in _TRUE


def opens(
    *, wanted: bool, at_terminal: bool, platform: str, environment: Mapping[str, str]
) -> bool:
    """Say whether to open a page: somebody is there to see it, and has not said no."""
    seen = at_terminal and has_screen(platform, environment)
    return wanted and seen and not in_ci(environment)


def open_page(address: str, *, wanted: bool) -> bool:
    """Open a page if it should be; say whether a browser has been found that does."""
    at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if not opens(
        wanted=wanted, at_terminal=at_terminal, platform=sys.platform, environment=os.environ
    ):
        return False
    try:
        return webbrowser.open(address)
    except webbrowser.Error:
        return False
