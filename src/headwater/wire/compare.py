"""The messages of headwater/compare."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from headwater.entities.run_selection import Where
from headwater.entities.verdict import Choice, Direction, Missing, Question, Verdict
from headwater.errors import InvalidParameterError
from headwater.wire.own_request import decode_body
from headwater.wire.run_selection import SelectionMessage, selection

MOST_GROUPS = 50
MOST_NAMED_RUNS = 10_000


class GroupQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Runs of one group: those that match all that is given."""

    name: str | None = None
    filter: str = ""
    run_ids: tuple[str, ...] = ()
    parent_run_id: str | None = None


class _Message(SelectionMessage, kw_only=True):
    metric: str
    direction: Direction
    groups: list[GroupQuery] = msgspec.field(default_factory=list)
    group_by: list[str] = msgspec.field(default_factory=list)
    candidate: str | None = None
    paired_by: str | None = None
    margin: float | None = None
    test: Choice = "auto"
    test_share: float | None = None
    alpha: float = 0.05
    power: float = 0.8
    missing: Missing = "omit"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CompareRequest:
    """A decoded request: `groups`, or the columns whose values make them."""

    question: Question
    where: Where
    groups: Sequence[GroupQuery]
    group_by: Sequence[str]
    candidate: str | None
    """The group that is compared with the others; the first where None."""


_DECODER = msgspec.json.Decoder(_Message)


def decode_compare(body: bytes) -> CompareRequest:
    """Decode the body of headwater/compare.

    Raises:
        InvalidParameterError: it is not a well-formed request.
    """
    message = decode_body(_DECODER, body)
    _check(message)
    question = Question(
        message.metric,
        message.direction,
        message.reduction,
        message.paired_by,
        message.margin,
        message.test,
        message.test_share,
        message.alpha,
        message.power,
        message.missing,
        message.seed,
    )
    return CompareRequest(
        question, selection(message), message.groups, message.group_by, message.candidate
    )


def encode_verdict(verdict: Verdict) -> bytes:
    """Encode a verdict; see `Verdict.to_json`."""
    return msgspec.json.encode(verdict)


def wants_markdown(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Say whether a request names Markdown, and not JSON before it, in its ``Accept``."""
    for name, value in headers:
        if name == b"accept":
            for item in value.decode("latin-1").split(","):
                kind = item.partition(";")[0].strip().lower()
                if kind in ("text/markdown", "application/json", "*/*"):
                    return kind == "text/markdown"
    return False


def _check(message: _Message) -> None:
    if not message.metric:
        raise InvalidParameterError("Missing value for required parameter 'metric'")
    if message.groups and message.group_by:
        raise InvalidParameterError("'groups' and 'group_by' exclude each other; give one of them")
    if not message.groups and not message.group_by:
        raise InvalidParameterError(
            "Missing value for required parameter 'groups': give two or more there, each with a "
            "'filter', 'run_ids' or a 'parent_run_id', or columns in 'group_by'"
        )
    if message.groups and not 2 <= len(message.groups) <= MOST_GROUPS:
        raise InvalidParameterError(
            f"Invalid value for parameter 'groups': {len(message.groups)} groups; give 2 to "
            f"{MOST_GROUPS}"
        )
    for number, group in enumerate(message.groups):
        if not (group.filter or group.run_ids or group.parent_run_id):
            raise InvalidParameterError(
                f"Invalid value for parameter 'groups[{number}]': give a 'filter', 'run_ids' or a "
                "'parent_run_id'"
            )
    if sum(len(group.run_ids) for group in message.groups) > MOST_NAMED_RUNS:
        raise InvalidParameterError(
            f"Invalid value for parameter 'groups': more than {MOST_NAMED_RUNS:,} run_ids; use a "
            "filter"
        )
