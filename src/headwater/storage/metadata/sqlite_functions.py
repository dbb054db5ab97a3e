"""The functions that portable statements call and SQLite lacks."""

import importlib
import re
import sqlite3
from functools import lru_cache
from typing import Any

from headwater.storage.metadata.base import MATCHES, NUMBER, SPELLS_NUMBER

_SPELLS_NUMBER = re.compile(SPELLS_NUMBER.replace("$", r"\Z"))
_PATTERN_MEMORY = 8 << 20


def add_functions(connection: sqlite3.Connection) -> None:
    """Give the functions to a connection."""
    connection.create_function(NUMBER, 1, _number, deterministic=True)
    connection.create_function(MATCHES, 2, _matches, deterministic=True)


def _number(text: Any) -> float | None:
    if isinstance(text, str) and _SPELLS_NUMBER.match(text):
        return float(text)
    return None


def _matches(text: Any, pattern: str) -> bool | None:
    if not isinstance(text, str):
        return None
    return _compiled(pattern).search(text.encode()) is not None


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> Any:
    re2 = importlib.import_module("re2")  # few searches need it
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    return re2.compile(pattern.encode(), options)  # texts would cost thrice as much
