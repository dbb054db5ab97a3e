"""The ordinary grammar of MLflow's filters and orderings.

MLflow tokenises filters with an SQL parser, whose quirks decide what unusual texts mean. This
grammar covers texts on whose meaning every release of that parser agrees; all others are refused,
so that MLflow itself answers them.
"""

import re
from dataclasses import dataclass

from headwater.errors import NotServedError

_MOST_CHARACTERS = 65_536
_MOST_CLAUSES = 40
_MOST_LIST_ITEMS = 1_000

_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_FIELD = rf"""
    (?: (?P<entity>[A-Za-z]+)\. (?: `(?P<ticked>[^`\n\r]+)` | "(?P<quoted>[^"`\n\r]+)" | (?P<key>{_WORD}(?:\.{_WORD})*) )
    | (?P<bare>{_WORD}) )
"""  # noqa: E501
_STRING = r"""(?: '[^'\n\r]*' | "[^"\n\r]*" )"""
_CLAUSE = re.compile(
    rf"""
    {_FIELD}
    (?: \s* (?P<comparator> <= | >= | != | = | < | > ) \s*
        (?: (?P<number> -?[0-9]+(?:\.[0-9]+)?(?:[eE]-?[0-9]+)? ) | (?P<string> {_STRING} ) )
    |   \s+ (?P<like> I?LIKE ) \s* (?P<pattern> {_STRING} )
    |   \s+ (?P<negated> NOT\s+ )? (?P<in> IN ) \s* \( (?P<list> \s* {_STRING} (?: \s*,\s* {_STRING} )* \s* ) \)
    |   \s+ IS \s+ (?P<null> NULL | NOT[ ]NULL )
    )
    (?= \s | \Z )
    """,  # noqa: E501
    re.VERBOSE | re.ASCII | re.IGNORECASE,
)
_AND = re.compile(r"\s+AND\s+", re.ASCII | re.IGNORECASE)
_STRINGS = re.compile(_STRING, re.VERBOSE)
_ORDERING = re.compile(
    rf"{_FIELD} (?: \s+ (?P<direction> ASC | DESC ) )? \Z", re.VERBOSE | re.ASCII | re.IGNORECASE
)
_UNUSUAL = re.compile(r"[\\\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_RESERVED = frozenset({"AS", "CASE", "FROM", "IN", "USING", "VALUES"})
"""Keywords to the SQL parser even where a name must follow."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison as written."""

    entity: str
    """The text before the dot; ``attribute`` where there is none."""

    key: str
    operator: str
    """As written where it is LIKE, ILIKE or IN, otherwise in upper case."""

    value: str | int | float | tuple[str, ...] | None


def parse_filter(text: str) -> list[Clause]:
    """Return the comparisons that a filter joins by AND; none for the empty text.

    Raises:
        NotServedError: the text is outside the ordinary grammar.
    """
    if not text:
        return []
    if len(text) > _MOST_CHARACTERS or _UNUSUAL.search(text):
        raise NotServedError("an unusually long filter, or one with unusual characters")
    text = text.strip(" \t\r\n")
    clauses: list[Clause] = []
    position = 0
    while True:
        match = _CLAUSE.match(text, position)
        if match is None or len(clauses) == _MOST_CLAUSES:
            raise NotServedError(f"an unusual filter: {text}")
        clauses.append(_clause(match))
        if match.end() == len(text):
            return clauses
        conjunction = _AND.match(text, match.end())
        if conjunction is None:
            raise NotServedError(f"an unusual filter: {text}")
        position = conjunction.end()


def parse_ordering(text: str) -> tuple[str, str, bool]:
    """Return entity, key and whether the order ascends.

    Raises:
        NotServedError: the text is outside the ordinary grammar.
    """
    match = None if _UNUSUAL.search(text) else _ORDERING.match(text)
    if match is None:
        raise NotServedError(f"an unusual ordering: {text}")
    entity, key = _field(match)
    if "'" in key or '"' in key or key != key.strip():
        raise NotServedError(f"an unusual ordering: {text}")
    return entity, key, (match["direction"] or "ASC").upper() == "ASC"


def _field(match: re.Match[str]) -> tuple[str, str]:
    written = match["bare"] or match["key"]
    if written is not None and not _RESERVED.isdisjoint(written.upper().split(".")):
        raise NotServedError(f"a reserved word as a name: {written}")
    if match["bare"] is not None:
        return "attribute", match["bare"]
    return match["entity"], written or match["ticked"] or match["quoted"]


def _clause(match: re.Match[str]) -> Clause:
    entity, key = _field(match)
    if match["number"] is not None:
        return Clause(entity, key, match["comparator"], _number(match["number"]))
    if match["string"] is not None:
        return Clause(entity, key, match["comparator"], match["string"][1:-1])
    if match["like"] is not None:
        return Clause(entity, key, match["like"], match["pattern"][1:-1])
    if match["list"] is not None:
        items = tuple(item[1:-1] for item in _STRINGS.findall(match["list"]))
        if len(items) > _MOST_LIST_ITEMS:
            raise NotServedError("an unusually long list")
        return Clause(entity, key, "NOT IN" if match["negated"] else match["in"], items)
    return Clause(entity, key, f"IS {match['null'].upper()}", None)


def _number(text: str) -> int | float:
    if len(text) > 64:
        raise NotServedError("an unusually long number")
    return float(text) if set(text) & set(".eE") else int(text)
