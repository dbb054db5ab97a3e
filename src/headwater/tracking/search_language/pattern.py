"""The regular expressions of RLIKE: the part on which RE2 and PostgreSQL agree.

Both decide in a time that grows with the text alone. What a pattern may hold is read here and
written again so that it means the same to either: classes as ranges of ASCII, punctuation behind
backslashes. ``.`` is any character, ``^`` and ``$`` the ends of the whole text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

Fail = Callable[[int, str], NoReturn]
"""Raises the error for a problem at an offset within the pattern."""

_LONGEST = 500
_MOST_REPEATS = 100
_LARGEST = 1_000
"""Characters and classes to match, those that a count repeats counted so often."""

_DEEPEST = 10
_COUNT = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}")


def normalised(pattern: str, fail: Fail) -> str:
    """Return a pattern as RE2 and PostgreSQL both understand it; `fail` is called otherwise."""
    if len(pattern) > _LONGEST:
        fail(0, f"a pattern has at most {_LONGEST} characters")
    reader = _Reader(pattern, fail)
    written, _ = reader.alternatives(0)
    if reader.position < len(pattern):
        fail(reader.position, "this ')' closes nothing")
    return written


@dataclass(frozen=True, slots=True)
class _Written:
    """A character, or the ranges of a class without its brackets."""

    written: str
    is_class: bool = False


_ESCAPES = {
    "d": _Written("0-9", is_class=True),
    "w": _Written("0-9A-Za-z_", is_class=True),
    "s": _Written("\t\n\x0b\x0c\r ", is_class=True),
    "t": _Written("\t"),
    "n": _Written("\n"),
    "r": _Written("\r"),
}


class _Reader:
    """Reads a pattern from left to right; every method returns what to write."""

    def __init__(self, pattern: str, fail: Fail) -> None:
        self.position = 0
        self._pattern = pattern
        self._fail = fail

    def alternatives(self, depth: int) -> tuple[str, int]:
        """Return branches, and how large they are."""
        if depth > _DEEPEST:
            self._fail(self.position, f"groups nest at most {_DEEPEST} deep")
        branches, size = [], 0
        while True:
            branch, of_branch = self._branch(depth)
            branches.append(branch)
            size += of_branch
            self._bound(size)
            if self._next() != "|":
                return "|".join(branches), size
            self.position += 1

    def _branch(self, depth: int) -> tuple[str, int]:
        written, size = "", 0
        start = self.position
        while (character := self._next()) not in ("", "|", ")"):
            if character in "^$":
                self.position += 1
                written += character
                if self._next() in tuple("*+?{"):
                    self._fail(self.position, f"{character!r} cannot be repeated")
                continue
            atom, of_atom = self._atom(character, depth)
            quantifier, count = self._quantifier()
            written += atom + quantifier
            size += of_atom * count
            self._bound(size)
        if self.position == start:
            self._fail(self.position, "expected something to match here")
        return written, size

    def _bound(self, size: int) -> None:
        if size > _LARGEST:
            self._fail(0, f"with its repeats counted, a pattern matches at most {_LARGEST:,} signs")

    def _atom(self, character: str, depth: int) -> tuple[str, int]:
        if character in "*+?{":
            self._fail(self.position, f"{character!r} repeats nothing")
        if character == "(":
            return self._group(depth)
        if character == "[":
            return self._class(), 1
        if character == "\\":
            escaped = self._escape()
            return (f"[{escaped.written}]" if escaped.is_class else escaped.written), 1
        self.position += 1
        return ("." if character == "." else _literal(character)), 1

    def _group(self, depth: int) -> tuple[str, int]:
        start = self.position
        self.position += 1
        if self._pattern.startswith("?:", self.position):
            self.position += 2
        elif self._next() == "?":
            self._fail(self.position, "only (...) and (?:...) are supported")
        inner, size = self.alternatives(depth + 1)
        if self._next() != ")":
            self._fail(start, "this '(' is never closed")
        self.position += 1
        return f"(?:{inner})", size

    def _quantifier(self) -> tuple[str, int]:
        character = self._next()
        if character in ("*", "+", "?"):
            self.position += 1
            written, count = character, 1
        elif character == "{":
            written, count = self._count()
        else:
            return "", 1
        if self._next() in tuple("*+?{"):
            self._fail(self.position, "lazy, possessive and stacked repeats are not supported")
        return written, count

    def _count(self) -> tuple[str, int]:
        match = _COUNT.match(self._pattern, self.position)
        if match is None:
            self._fail(self.position, "expected {n}, {n,} or {n,m}; a brace itself is \\{")
        least = int(match[1])
        most = int(match[3]) if match[3] else least
        if most < least or most > _MOST_REPEATS:
            self._fail(self.position, f"a repeat counts up to {_MOST_REPEATS}, upwards")
        self.position = match.end()
        return match[0], max(most, 1)

    def _class(self) -> str:
        start = self.position
        self.position += 1
        written = "["
        if self._next() == "^":
            self.position += 1
            written += "^"
        empty = True
        while (character := self._next()) != "]" or empty:
            if character == "":
                self._fail(start, "this '[' is never closed")
            if character == "]":
                self._fail(self.position, "a class is not empty; the bracket itself is \\]")
            written += self._member()
            empty = False
        self.position += 1
        return written + "]"

    def _member(self) -> str:
        start = self.position
        first = self._class_character()
        if self._next() != "-" or self._pattern[self.position + 1 : self.position + 2] == "]":
            return first.written
        self.position += 1
        last = self._class_character()
        if first.is_class or last.is_class or last.written[-1] < first.written[-1]:
            self._fail(start, "a range goes from a single character to a later one")
        return f"{first.written}-{last.written}"

    def _class_character(self) -> "_Written":
        character = self._next()
        if character == "\\":
            return self._escape()
        if character == "[":
            self._fail(self.position, "a bracket in a class is written \\[")
        if character == "":
            self._fail(self.position, "expected a character")
        self.position += 1
        return _Written(_literal(character))

    def _escape(self) -> "_Written":
        escaped = self._pattern[self.position + 1 : self.position + 2]
        if not escaped or (escaped not in _ESCAPES and (escaped.isalnum() or escaped == "_")):
            self._fail(self.position, f"'\\{escaped}' is not supported; \\d, \\w and \\s are")
        self.position += 2
        return _ESCAPES.get(escaped, _Written(_literal(escaped)))

    def _next(self) -> str:
        return self._pattern[self.position : self.position + 1]


def _literal(character: str) -> str:
    special = character.isascii() and character.isprintable() and not character.isalnum()
    return f"\\{character}" if special and character not in " _" else character
