"""Verdicts: what was asked of groups of runs, what they hold, and what follows from it.

Everything that a verdict was computed from is in it, so that `headwater.verdicts.judge` computes it
again, bit for bit, without a server. Its JSON is stable: readers of a `version` read all of it.
"""

from typing import Any, Literal, Self

import msgspec

from headwater.errors import InvalidParameterError

VERSION = 1

Direction = Literal["higher", "lower"]
Decision = Literal["better", "worse", "equivalent", "undecided"]
Missing = Literal["omit", "refuse", "worst"]
Choice = Literal[
    "auto",
    "welch",
    "mann-whitney",
    "permutation",
    "paired-t",
    "wilcoxon",
    "sign",
    "corrected-t",
]
"""How the test is found: by the data, or named beforehand, which is better."""


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked: whether the first group is better than the others in one metric."""

    metric: str
    direction: Direction
    reduction: str = "last"
    """See `headwater.entities.reduction`."""

    paired_by: str | None = None
    """A column such as ``params.seed``: runs with the same value of it belong together."""

    margin: float | None = None
    """A difference that does not matter is smaller than this, in units of the metric."""

    test: Choice = "auto"
    test_share: float | None = None
    """Of ``corrected-t``: size of a test set divided by that of a training set."""

    alpha: float = 0.05
    power: float = 0.8
    """Of which the runs that are still needed are counted."""

    missing: Missing = "omit"
    """What becomes of runs without a usable value."""

    seed: int = 0
    """Of everything that is drawn at random."""


class Observation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run."""

    run_id: str
    value: float | None
    """Of the metric, reduced; None where the run has none, or NaN."""

    status: str = "FINISHED"
    pair: str | None = None
    """What it has in the column that pairs."""

    steps: int | None = None
    """Its last step."""

    duration: int | None = None
    """Milliseconds from start to end."""


class Group(msgspec.Struct, frozen=True):
    """Runs that were done alike."""

    name: str
    selection: str
    """How they were found, in words."""

    runs: tuple[Observation, ...]


class Unused(msgspec.Struct, frozen=True):
    """A run that was selected and is not compared, or not by its own value."""

    group: str
    run_id: str
    reason: str


class Check(msgspec.Struct, frozen=True):
    """An assumption that was looked at; `holds` is None where the data cannot tell."""

    assumption: str
    method: str
    holds: bool | None
    finding: str


class Interval(msgspec.Struct, frozen=True):
    """A confidence interval; an end that is None is infinite."""

    low: float | None
    high: float | None
    level: float
    method: str

    def ends(self, sign: str = "") -> str:
        """Return both ends in words; with a `sign` of "+" also that of positive numbers."""
        low = "-infinity" if self.low is None else f"{self.low:{sign}.4g}"
        high = "infinity" if self.high is None else f"{self.high:{sign}.4g}"
        return f"{low} to {high}"


class Effect(msgspec.Struct, frozen=True):
    """The size of a difference on a scale that compares across metrics."""

    method: str
    estimate: float
    interval: Interval


class HypothesisTest(msgspec.Struct, frozen=True):
    """One test of a hypothesis."""

    method: str
    null: str
    statistic_name: str
    statistic: float | None
    """None where it is infinite."""

    df: tuple[float, ...]
    p_value: float
    exact: bool


class Comparison(msgspec.Struct, frozen=True):
    """The first group against another one."""

    a: str
    b: str
    sizes: tuple[int, ...]
    """Runs of both, or pairs."""

    means: tuple[float | None, float | None]
    """Of the values that are compared."""

    decision: Decision
    """What `a` is, compared with `b`."""

    why: tuple[str, ...]
    """Why this test."""

    checks: tuple[Check, ...]
    test: HypothesisTest | None
    """None where the runs are too few for any."""

    p_adjusted: float | None
    """For the number of comparisons, by Holm's method."""

    estimate_name: str
    estimate: float | None
    interval: Interval | None
    effects: tuple[Effect, ...]
    equivalence: HypothesisTest | None
    """Whether the difference is within the margin, where one is given."""

    runs_needed: int | None
    """In each group (or pairs), to see the margin, or else the difference that was observed."""

    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]


class Ranks(msgspec.Struct, frozen=True):
    """How several groups rank within pairs, rank 1 being the best; ties share mid-ranks."""

    method: str
    """Of the test that says which mean ranks differ."""

    pairs: int
    """Values of the column that pairs which all groups have."""

    names: tuple[str, ...]
    """Of the groups, from the best mean rank to the worst."""

    mean_ranks: tuple[float, ...]
    """In the order of `names`."""

    difference: float | None
    """Of mean ranks, beyond which two groups differ at alpha."""

    cliques: tuple[tuple[str, ...], ...]
    """Groups of which no two differ; none is part of another."""


class Profile(msgspec.Struct, frozen=True):
    """What share of a group's runs is better than each of the thresholds of `Profiles`."""

    name: str
    runs: int
    share: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    """A confidence interval of the share at each threshold by itself."""


class Profiles(msgspec.Struct, frozen=True):
    """How the values of groups are distributed, as performance profiles.

    Better is above a threshold where higher is better, and below it otherwise.
    """

    thresholds: tuple[float, ...]
    """From the least to the greatest; values of runs."""

    tasks: int
    """Values of the column that pairs, each with several runs in every group, which count alike; 1
    where there are no such, and all runs are taken together."""

    level: float
    resamples: int
    groups: tuple[Profile, ...]


class Verdict(msgspec.Struct, frozen=True):
    """An answer, with everything that it rests on."""

    question: Question
    groups: tuple[Group, ...]
    unused: tuple[Unused, ...]
    omnibus: HypothesisTest | None
    """Whether any of more than two groups differ."""

    comparisons: tuple[Comparison, ...]
    """The first group against each other one."""

    decision: Decision
    """"better" than all others, "worse" than one of them, "equivalent" to all, or "undecided"."""

    headline: str
    """The decision in a sentence."""

    warnings: tuple[str, ...]
    could_pair_by: str | None = None
    """A column by which runs of all groups would pair."""

    version: int = VERSION
    ranks: Ranks | None = None
    """Of three groups or more that are paired, all with all; verdicts of before do not have it."""

    profiles: Profiles | None = None
    """Of all groups that have values; verdicts of before do not have it."""

    def to_json(self) -> str:
        """Return it as JSON, which `from_json` reads."""
        return msgspec.json.encode(self).decode()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain dictionaries and lists."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the verdict of a JSON text.

        Raises:
            InvalidParameterError: it is none, or of a later version.
        """
        try:
            found = msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:
            raise InvalidParameterError(f"this is no verdict: {error}") from error
        if found.version != VERSION:
            raise InvalidParameterError(
                f"this verdict has version {found.version}, and this release reads {VERSION}; "
                "read it with the release of Headwater that has made it, or a later one"
            )
        return found
