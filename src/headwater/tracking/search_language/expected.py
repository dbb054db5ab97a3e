"""Says what could have stood where a filter has something else."""

import re
from collections.abc import Set

from headwater.tracking.search_language.refusal import nearest

_WORD = re.compile(r"\w+(\.\w+)*|\S")
_KEYWORDS = ("AND", "OR", "NOT", "BETWEEN", "IN", "LIKE", "ILIKE", "RLIKE", "IS", "NULL", "EXISTS")
_OPERATORS = (
    "=, !=, <, <=, >, >=, [NOT] BETWEEN, [NOT] IN, [NOT] LIKE, [NOT] ILIKE, [NOT] RLIKE, "
    "IS [NOT] NULL or [NOT] EXISTS"
)
_SIGNS = {"LPAR": "(", "RPAR": ")", "COMMA": ",", "PLUS": "+", "MINUS": "-", "$END": "the end"}


def unexpected(text: str, position: int, accepted: Set[str]) -> str:
    """Return the problem that something else than the accepted terminals stands at a position."""
    match = _WORD.match(text, position)
    found = match[0] if match else ""
    what = f"found {found!r}" if found else "the filter ends"
    hint = nearest(found, [word for word in _KEYWORDS if word in accepted]) if found else ""
    if found in ("'", '"', "`"):
        hint = " A quote is never closed."
    elif "COMPARATOR" in accepted and found and found in "-/:+*":
        hint = f" A key with {found!r} stands between back-quotes."
    elif found in ("==", "=") and "COMPARATOR" not in accepted:
        hint = " Equality is a single '='."
    return f"expected {_wanted(accepted)}, but {what}.{hint}"


def _wanted(accepted: Set[str]) -> str:
    if "COMPARATOR" in accepted:
        return f"one of {_OPERATORS}"
    if "FIELD" in accepted:
        return "a comparison such as metrics.loss < 0.1"
    if "SIGNED_NUMBER" in accepted:
        return "a number, a quoted text, a duration such as 2h, or now()"
    if "STRING" in accepted:
        return "a quoted text"
    names = sorted(_SIGNS.get(name, name) for name in accepted)
    return " or ".join(names) if names else "something else"
