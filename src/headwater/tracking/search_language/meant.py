"""Tells texts that are meant for the superset from those that MLflow shall refuse in its words."""

import re

_QUOTED = re.compile(r"'[^']*('|\Z)|\"[^\"]*(\"|\Z)|`[^`]*(`|\Z)")
_CONSTRUCT = re.compile(
    r"""
    (?<![.\w]) (?: OR | BETWEEN | RLIKE | EXISTS ) (?![.\w])
    | (?<![.\w]) NOT (?! [.\w] | \s+ (?: IN | NULL ) \b )
    | (?<! IN ) (?<! IN\s ) \(
    | (?<![.\w]) [0-9]+ (?: \.[0-9]+ )? (?: ms | [smhdw] ) \b
    | (?<![.\w]) (?: parent | children ) \.
    | (?<![.\w]) (?: (?: attributes? | attr | run ) \. )? duration (?![.\w])
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


def is_meant(text: str) -> bool:
    """Say whether a text has anything, outside of quotes, that only the superset has."""
    return _CONSTRUCT.search(_QUOTED.sub("''", text)) is not None
