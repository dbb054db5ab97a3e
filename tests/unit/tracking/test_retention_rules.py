"""Rules as people write them, and what is said of those that cannot be meant."""

import pytest

from headwater.errors import ConfigurationError
from headwater.tracking.retention import KeepBest, RetentionRule
from headwater.tracking.retention_rules import parse_duration, parse_rules


def test_a_file_of_rules() -> None:
    content = b"""
[[rule]]
name = "scratch"
experiments = ["sweep-*", "7"]
older_than = "30d"
tags = { stage = "scratch" }
statuses = ["FAILED"]
keep_best = { metric = "val_acc", count = 10 }

[[rule]]
name = "trash"
deleted = true
older_than = "2w"
"""
    assert parse_rules(content, "rules.toml") == [
        RetentionRule(
            "scratch",
            ("sweep-*", "7"),
            30 * 86_400_000,
            {"stage": "scratch"},
            frozenset({"FAILED"}),
            keep_best=KeepBest("val_acc", 10),
        ),
        RetentionRule("trash", older_than=14 * 86_400_000, deleted=True),
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"[[rule]", "rules.toml: "),
        (b"", "missing required field `rule`"),
        (b"[[rule]]\n", "missing required field `name`"),
        (b'[[rule]]\nname = "a"\nolder = "1d"', "unknown field `older`"),
        (b'[[rule]]\nname = "a"\nolder_than = "1y"', "rule 'a': older_than: '1y' is no duration"),
        (b'[[rule]]\nname = "a"\nstatuses = ["RUNNING"]', "'RUNNING' is no status of a run"),
        (b'[[rule]]\nname = "a"\nkeep_best = {metric = "m", count = 0}', "at least 1 run"),
        (b'[[rule]]\nname = "a"\n[[rule]]\nname = "a"', "two rules are named 'a'"),
        (b'[[rule]]\nname = "\xff"', "rules.toml: "),
    ],
)
def test_what_is_wrong_is_named(content: bytes, text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_rules(content, "rules.toml")
    assert text in str(raised.value)


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1.5d", "1d2h", " 1d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no duration"):
        parse_duration(text)
