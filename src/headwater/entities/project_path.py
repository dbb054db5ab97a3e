"""Where in the tree of projects an experiment stands: ``team/vision/detection``."""

import re
import unicodedata
from typing import NoReturn

from headwater.errors import InvalidParameterError

PROJECT_TAG = "headwater.project"
"""The experiment tag that holds the path; an experiment without it is in no project."""

SEPARATOR = "/"
MOST_SEGMENTS = 10
LONGEST_SEGMENT = 100
LONGEST_PATH = 500

_SEGMENT = re.compile(r"\w(?:[\w .+@()-]*[\w.+@()-])?")


def parse_path(text: str, field: str) -> str:
    """Return the path that a request gives, in Unicode's composed form; empty is no project.

    Raises:
        InvalidParameterError: it is no path; says how to write one, and names `field`.
    """
    path = unicodedata.normalize("NFC", text)
    if not path:
        return path
    if path != path_of_tag(path):
        _refuse(path, field, "write names with one slash between them, and none at either end")
    require_fitting(path, field)
    for segment in path.split(SEPARATOR):
        if _SEGMENT.fullmatch(segment) is None:
            _refuse(
                path,
                field,
                f"{segment!r} must begin with a letter, digit or underscore, go on with those, "
                "spaces or any of .+@()- and not end with a space",
            )
    return path


def require_fitting(path: str, field: str) -> None:
    """Check that a path is neither too long nor too deep.

    Raises:
        InvalidParameterError: it is; names `field`.
    """
    segments = path.split(SEPARATOR)
    if len(path) > LONGEST_PATH:
        _refuse(path, field, f"it has {len(path)} characters; at most {LONGEST_PATH} are allowed")
    if len(segments) > MOST_SEGMENTS:
        _refuse(path, field, f"it is {len(segments)} names deep; at most {MOST_SEGMENTS} may be")
    if longest := [segment for segment in segments if len(segment) > LONGEST_SEGMENT]:
        _refuse(path, field, f"{longest[0][:20]!r}… has more than {LONGEST_SEGMENT} characters")


def path_of_tag(value: str | None) -> str:
    """Return the path that a tag's value stands for, whoever wrote it; empty is no project."""
    segments = unicodedata.normalize("NFC", value or "").split(SEPARATOR)
    return SEPARATOR.join(stripped for segment in segments if (stripped := segment.strip()))


def is_within(path: str, project: str) -> bool:
    """Say whether a path is that of the project or below it; everything is within ``""``."""
    return not project or path == project or path.startswith(project + SEPARATOR)


def moved_path(path: str, project: str, to: str) -> str:
    """Return the path that one within `project` has when the project's becomes `to`."""
    rest = path[len(project) :].lstrip(SEPARATOR)
    return f"{to}{SEPARATOR}{rest}" if to and rest else to or rest


def ancestors(path: str) -> list[str]:
    """Return the paths of all projects that a path is within, outermost first: ``""`` and on."""
    segments = path.split(SEPARATOR) if path else []
    return [SEPARATOR.join(segments[:depth]) for depth in range(len(segments) + 1)]


def _refuse(path: str, field: str, why: str) -> NoReturn:
    raise InvalidParameterError(
        f"Invalid value for parameter {field!r}: {path[:LONGEST_PATH]!r} is no path such as "
        f"'team/vision': {why}"
    )
