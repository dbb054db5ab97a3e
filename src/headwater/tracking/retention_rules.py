"""Reads retention rules: a TOML file, or what the command line says."""

import re
from collections.abc import Sequence

import msgspec

from headwater.errors import ConfigurationError
from headwater.tracking.retention import ENDED, KeepBest, RetentionRule

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_DURATION = re.compile(r"([0-9]+)([mhdw])")


class _KeepBest(msgspec.Struct, forbid_unknown_fields=True):
    metric: str
    count: int
    minimize: bool = False


class _Rule(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    experiments: tuple[str, ...] = ("*",)
    older_than: str = "0d"
    tags: dict[str, str] = {}
    statuses: tuple[str, ...] = tuple(sorted(ENDED))
    deleted: bool = False
    keep_best: _KeepBest | None = None
    projects: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    registered: bool = False


class _Rules(msgspec.Struct, forbid_unknown_fields=True):
    rule: list[_Rule]


def parse_duration(text: str) -> int:
    """Return the milliseconds of a duration such as ``90m``, ``12h``, ``30d`` or ``4w``.

    Raises:
        ConfigurationError: it is not one.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ConfigurationError(
            f"{text!r} is no duration; write minutes, hours, days or weeks: 90m, 12h, 30d, 4w"
        )
    return int(match[1]) * _UNITS[match[2]]


def parse_rules(content: bytes, name: str) -> Sequence[RetentionRule]:
    """Parse the ``[[rule]]`` tables of a TOML file.

    Raises:
        ConfigurationError: it is not TOML, or a rule has an unknown field or an impossible value.
    """
    try:
        rules = msgspec.toml.decode(content, type=_Rules).rule
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name}: {error}") from error
    names = [rule.name for rule in rules]
    for twice in (each for each in names if names.count(each) > 1):
        raise ConfigurationError(f"{name}: two rules are named {twice!r}")
    return [_rule(rule, f"{name}: rule {rule.name!r}: ") for rule in rules]


def require_statuses(statuses: Sequence[str], where: str = "") -> frozenset[str]:
    """Return statuses of runs that have ended.

    Raises:
        ConfigurationError: one is not, so that its run may still be going on.
    """
    for status in statuses:
        if status not in ENDED:
            raise ConfigurationError(
                f"{where}{status!r} is no status of a run that has ended; "
                f"there are {', '.join(sorted(ENDED))}"
            )
    return frozenset(statuses)


def require_count(count: int, where: str = "") -> int:
    """Return how many runs are to be kept.

    Raises:
        ConfigurationError: none, or fewer.
    """
    if count < 1:
        raise ConfigurationError(f"{where}keep at least 1 run, not {count}")
    return count


def require_registered(registered: bool, artifacts: Sequence[str], where: str = "") -> bool:
    """Return whether a rule lets go of artifacts of registered models.

    Raises:
        ConfigurationError: it is about runs, which stay where they made such a model.
    """
    if registered and not artifacts:
        raise ConfigurationError(f"{where}'registered' belongs to rules with 'artifacts'")
    return registered


def _rule(given: _Rule, where: str) -> RetentionRule:
    best = given.keep_best
    try:
        older_than = parse_duration(given.older_than)
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}older_than: {error}") from error
    return RetentionRule(
        given.name,
        given.experiments,
        older_than,
        given.tags,
        require_statuses(given.statuses, where),
        given.deleted,
        None
        if best is None
        else KeepBest(best.metric, require_count(best.count, where), best.minimize),
        given.projects,
        given.artifacts,
        require_registered(given.registered, given.artifacts, where),
    )
