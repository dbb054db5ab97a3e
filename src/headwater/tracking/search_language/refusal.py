"""Errors that point at what is wrong in a filter."""

import difflib
from collections.abc import Iterable

from headwater.errors import InvalidParameterError

_WIDTH = 100
_BEFORE = 60
_LONGEST_PROBLEM = 500
_LONGEST_WORD = 50


def refusal(text: str, position: int, problem: str) -> InvalidParameterError:
    """Return the error that shows the line of the text with a caret under the position."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    end = len(text) if end == -1 else end
    shift = max(start, position - _BEFORE)
    shown = text[shift : min(end, shift + _WIDTH)].replace("\t", " ").replace("\r", " ")
    before = "..." if shift > start else ""
    after = "..." if shift + _WIDTH < end else ""
    if len(problem) > _LONGEST_PROBLEM:
        problem = f"{problem[:_LONGEST_PROBLEM]}..."
    caret = " " * (len(before) + position - shift) + "^"
    return InvalidParameterError(
        f"Invalid filter, column {position - start + 1}: {problem}\n"
        f"  {before}{shown}{after}\n  {caret}"
    )


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the known word that is spelled most alike, or nothing."""
    if len(word) > _LONGEST_WORD:
        return ""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f" Did you mean {by_lower[found[0]]!r}?" if found else ""
