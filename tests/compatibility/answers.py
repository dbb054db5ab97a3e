"""What one server answered, in a form in which two servers can be compared.

Everything is compared exactly (the number 1 is not 1.0, a missing field is not an empty one),
except what no two servers can share. These, and only these, are replaced:

- ids that the server invented (32 hex digits, perhaps behind ``m-``, ``tr-`` and such, or a UUID)
  and experiment ids: by the label the case gave them, else by the order of their appearance;
- milliseconds since the epoch that fall into the lifetime of this test session, under a key that
  names a time or among the SQL parameters that MLflow quotes in a message: by ``<now>``. Times that
  a test sends lie outside and are compared literally;
- run names that the server made up (``adjective-animal-123``): by ``<random name>``;
- the order of keys in a JSON object, and of the lists that MLflow reads from its database in no
  order: a run's metrics, params and tags, an experiment's tags;
- the server's own port and working directory inside a text.
"""

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

_SESSION_START = time.time() * 1000 - 600_000
_INVENTED_ID = re.compile(
    r"\b(?:[a-z]{1,3}-)?[0-9a-f]{32}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"
)
_EXPERIMENT_ID = re.compile(r"(?<!\d)70\d{4}(?!\d)")
_RANDOM_NAME = re.compile(r"^[a-z]+-[a-z]+-\d{1,4}$")
_SQL = "[SQL: "
_SQL_RANDOM_NAME = re.compile(r"'[a-z]+-[a-z]+-\d{1,4}'")
_SQL_TIME = re.compile(r"\b\d{13}\b")
_OWN_PLACE = re.compile(r"headwater-cas\+file://(?=/)")
_OWN_ADDRESS = re.compile(r"127\.0\.0\.1:\d+")
_UNORDERED = frozenset({"metrics", "params", "tags"})
_HEADERS = (
    "content-type",
    "allow",
    "location",
    "content-disposition",
    "x-content-type-options",
    "x-frame-options",
    "access-control-allow-origin",
)


@dataclass
class Names:
    """The ids of one server and the labels that stand for them in requests and answers."""

    directory: str = "(none)"
    by_label: dict[str, str] = field(default_factory=dict)
    by_value: dict[str, str] = field(default_factory=dict)

    def give(self, label: str, value: str) -> None:
        """Let the label stand for the server's own value from now on."""
        self.by_label[label] = value
        self.by_value[value] = label

    def label_of(self, value: str) -> str:
        """Return the label of an id, inventing one from the order of appearance."""
        if value not in self.by_value:
            self.give(f"<id {len(self.by_value)}>", value)
        return self.by_value[value]

    def fill_in(self, text: str) -> str:
        """Replace every label in a request by this server's value."""
        for label, value in self.by_label.items():
            text = text.replace(label, value)
        return text


@dataclass(frozen=True)
class Answer:
    """A normalised response; equal for servers that behave the same."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str

    def __str__(self) -> str:
        headers = "".join(f"\n  {name}: {value}" for name, value in self.headers)
        return f"{self.status}{headers}\n  {self.body}"


def normalise(response: httpx.Response, names: Names) -> Answer:
    """Return what the response says, freed of what is each server's own."""
    headers = tuple(
        (name, _text(response.headers[name], names))
        for name in _HEADERS
        if name in response.headers
    )
    text = response.content.decode("utf-8", "backslashreplace")
    if response.headers.get("content-type", "").startswith("application/json") and text:
        body = json.dumps(
            normalise_value(json.loads(text), names), sort_keys=True, indent=1, ensure_ascii=False
        )
    else:
        body = _text(text, names)
    return Answer(response.status_code, headers, body)


def normalise_value(value: Any, names: Names) -> Any:
    """Return a value read from JSON, freed of what is each server's own."""
    return _value(value, "", names)


def _value(value: Any, key: str, names: Names) -> Any:
    if isinstance(value, dict):
        return {name: _value(value[name], _child_key(value, name), names) for name in sorted(value)}
    if isinstance(value, list):
        children = sorted(value, key=_key) if key in _UNORDERED and _keyed(value) else value
        return [_value(child, "", names) for child in children]
    if isinstance(value, str):
        if key in ("run_name", "mlflow.runName") and _RANDOM_NAME.match(value):
            return "<random name>"
        return _text(value, names)
    if isinstance(value, int) and "time" in key and _in_this_session(value):
        return "<now>"
    return value


def _child_key(parent: dict[str, Any], name: str) -> str:
    """Return the key that says what a child means; a tag's value goes by the tag's own key."""
    return str(parent["key"]) if name == "value" and "key" in parent else name


def _keyed(children: list[Any]) -> bool:
    """Whether keys tell the entries apart; a metric history (one key) keeps its order."""
    keys = [child.get("key") if isinstance(child, dict) else None for child in children]
    return None not in keys and len(set(keys)) == len(keys)


def _key(child: dict[str, Any]) -> str:
    return str(child["key"])


def _in_this_session(milliseconds: int) -> bool:
    return _SESSION_START <= milliseconds <= time.time() * 1000 + 5_000


def _text(text: str, names: Names) -> str:
    # Messages of older releases name the place of all artifacts.
    text = _OWN_PLACE.sub("", text)
    text = _INVENTED_ID.sub(lambda match: names.label_of(match[0]), text)
    text = _EXPERIMENT_ID.sub(lambda match: names.label_of(match[0]), text)
    if _SQL in text:
        text = _SQL_RANDOM_NAME.sub("'<random name>'", text)
        text = _SQL_TIME.sub(lambda m: "<now>" if _in_this_session(int(m[0])) else m[0], text)
    text = text.replace(names.directory, "<directory>")
    return _OWN_ADDRESS.sub("<address>", text.replace("<directory>/data/", "<directory>/"))
