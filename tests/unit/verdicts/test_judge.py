"""A verdict says what the numbers say, whatever the order, units and names they come in."""

from dataclasses import dataclass
from random import Random
from typing import Literal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.entities.verdict import Comparison, Group, Observation, Question, Verdict
from headwater.errors import AnalysisError
from headwater.verdicts.judge import judge, recompute

HIGHER = Question("accuracy", "higher")
OPPOSITE = {"better": "worse", "worse": "better"}


def group(name: str, *values: float | None, status: str = "FINISHED", **more: int) -> Group:
    runs = (
        Observation(f"{name}{place}", value, status, pair=str(place), **more)
        for place, value in enumerate(values)
    )
    return Group(name, f'params.model = "{name}"', tuple(runs))


def compared(question: Question, *groups: Group) -> Comparison:
    return judge(question, groups).comparisons[0]


GOOD = group("new", 0.91, 0.92, 0.93, 0.91, 0.92)
BAD = group("old", 0.81, 0.83, 0.82, 0.81, 0.82)

values = st.lists(st.integers(-50, 50).map(lambda number: number / 8), min_size=2, max_size=8)
questions = st.builds(
    Question,
    metric=st.just("loss"),
    direction=st.sampled_from(["higher", "lower"]),
    paired_by=st.sampled_from([None, "params.seed"]),
    margin=st.sampled_from([None, 0.5]),
)


def test_says_which_is_better_and_by_how_much() -> None:
    verdict = judge(HIGHER, [GOOD, BAD])
    assert verdict.decision == "better"
    assert verdict.headline.startswith(
        "new is better than old: accuracy is higher by 0.1 (95 % CI 0.0878 to 0.1122, p < 0.0001,"
    )
    assert (
        judge(msgspec.structs.replace(HIGHER, direction="lower"), [GOOD, BAD]).decision == "worse"
    )


@given(questions, values, values)
def test_is_computed_again_from_its_json_bit_for_bit(
    question: Question, first: list[float], second: list[float]
) -> None:
    verdict = judge(question, [group("a", *first), group("b", *second)], "params.seed")
    read = Verdict.from_json(verdict.to_json())
    assert read == verdict
    assert recompute(read).to_json() == verdict.to_json()


@given(questions, values, values)
def test_turns_round_with_its_groups_and_with_its_direction(
    question: Question, first: list[float], second: list[float]
) -> None:
    a, b = group("a", *first), group("b", *second)
    decision = judge(question, [a, b]).decision
    assert judge(question, [b, a]).decision == OPPOSITE.get(decision, decision)
    other = "lower" if question.direction == "higher" else "higher"
    turned = judge(msgspec.structs.replace(question, direction=other), [a, b])
    assert turned.decision == OPPOSITE.get(decision, decision)


@given(questions, values, values, st.randoms(use_true_random=False))
def test_does_not_depend_on_the_order_of_runs(
    question: Question, first: list[float], second: list[float], random: Random
) -> None:
    a, b = group("a", *first), group("b", *second)
    shuffled = list(b.runs)
    random.shuffle(shuffled)
    found = compared(question, a, b)
    again = compared(question, a, msgspec.structs.replace(b, runs=tuple(shuffled)))
    assert again.decision == found.decision
    assert (again.test is None) == (found.test is None)
    if again.test is not None and found.test is not None:
        assert again.test.p_value == pytest.approx(found.test.p_value, abs=0.02)


@dataclass(frozen=True)
class Null:
    """How values are drawn where there is no difference to be found."""

    name: str
    paired: bool

    def draw(self, rng: np.random.Generator) -> list[Group]:
        if self.name == "normal":
            drawn = rng.standard_normal((2, 6))
        elif self.name == "skewed":
            drawn = rng.standard_exponential((2, 6))
        else:
            drawn = rng.integers(0, 4, (2, 6)).astype(np.float64)
        return [group("a", *drawn[0]), group("b", *drawn[1])]


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("name", ["normal", "skewed", "tied"])
def test_seldom_finds_what_is_not_there(name: str, paired: bool) -> None:
    rng = np.random.default_rng(7)
    question = Question("x", "higher", paired_by="params.seed" if paired else None)
    null, tries = Null(name, paired), 150
    wrong = sum(judge(question, null.draw(rng)).decision != "undecided" for _ in range(tries))
    assert wrong / tries <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / tries)


def test_pairs_find_what_their_spread_hides() -> None:
    seeds = np.array([0.1, 0.5, 0.9, 0.3, 0.7, 0.2])
    new = group("new", *(seeds + 0.01 + np.array([0.0, 0.001, -0.001, 0.002, 0.0, -0.002])))
    old = group("old", *seeds)
    assert judge(HIGHER, [new, old]).decision == "undecided"
    paired = judge(Question("accuracy", "higher", paired_by="params.seed"), [new, old])
    assert paired.decision == "better"
    assert paired.comparisons[0].sizes == (6,)


def test_pairs_are_told_where_they_could_be_made() -> None:
    told = judge(HIGHER, [GOOD, BAD], "params.seed").warnings
    assert any("share values of params.seed" in each for each in told)


def test_runs_without_a_partner_are_reported() -> None:
    question = Question("accuracy", "higher", paired_by="params.seed")
    verdict = judge(question, [group("a", 1, 2, 3, 4), group("b", 0, 1, 1)])
    assert [(each.run_id, each.reason) for each in verdict.unused] == [
        ("a3", "no partner with params.seed 3: left out")
    ]


def test_several_runs_of_one_pair_count_once() -> None:
    question = Question("accuracy", "higher", paired_by="params.seed")
    twice = msgspec.structs.replace(BAD, runs=(*BAD.runs, Observation("again", 0.85, pair="0")))
    found = compared(question, GOOD, twice)
    assert found.sizes == (5,)
    assert found.means[1] == pytest.approx((0.83 + 0.83 + 0.82 + 0.81 + 0.82) / 5)
    assert any("averaged" in each for each in found.warnings)


def test_a_run_without_a_value_is_reported_and_left_out() -> None:
    verdict = judge(HIGHER, [GOOD, group("old", 0.8, None, 0.81, 0.82, status="FAILED")])
    assert [(each.run_id, each.reason) for each in verdict.unused] == [
        ("old1", "has no usable value of accuracy (FAILED): left out")
    ]
    assert verdict.comparisons[0].sizes == (5, 3)


def test_a_run_without_a_value_may_be_refused_or_taken_as_the_worst() -> None:
    groups = [GOOD, group("old", 0.8, None, 0.81)]
    with pytest.raises(AnalysisError, match="NaN or infinite"):
        judge(Question("accuracy", "higher", missing="refuse"), groups)
    worst = judge(Question("accuracy", "higher", missing="worst"), groups)
    assert worst.comparisons[0].sizes == (5, 3)
    assert worst.comparisons[0].means[1] == pytest.approx((0.8 + 0.8 + 0.81) / 3)


def test_one_run_each_decides_nothing() -> None:
    verdict = judge(HIGHER, [group("a", 1.0), group("b", 0.0)])
    assert (verdict.decision, verdict.comparisons[0].test) == ("undecided", None)
    assert verdict.headline == "Undecided: too few runs to compare a with b in accuracy."
    assert any("at least 2" in told for told in verdict.comparisons[0].warnings)


def test_runs_that_are_needed_shrink_with_the_difference_that_matters() -> None:
    a, b = group("a", 1.0, 1.4, 1.2, 0.8), group("b", 1.1, 0.9, 1.3, 0.9)
    seen = compared(HIGHER, a, b).runs_needed
    large = compared(Question("x", "higher", margin=0.25), a, b).runs_needed
    assert seen is not None
    assert large is not None
    assert large < seen


def test_within_the_margin_is_equivalent_even_where_it_differs() -> None:
    a = group("a", 0.9, 0.901, 0.902, 0.9, 0.901)
    b = group("b", 0.896, 0.897, 0.898, 0.897, 0.896)
    assert judge(HIGHER, [a, b]).decision == "better"
    verdict = judge(Question("accuracy", "higher", margin=0.02), [a, b])
    assert verdict.decision == "equivalent"
    assert "differ, but by less than the margin" in " ".join(verdict.comparisons[0].warnings)
    assert "differ by less than 0.02" in verdict.headline


def test_outliers_are_compared_by_ranks() -> None:
    wild = group("wild", 1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.02, 90.0)
    tame = group("tame", 0.1, 0.2, 0.15, 0.12, 0.18, 0.11, 0.17, 0.16)
    found = compared(HIGHER, wild, tame)
    assert found.test is not None
    assert found.test.method.startswith("Mann-Whitney")
    assert any("outliers: no" in why for why in found.why)
    assert found.decision == "better"


def test_a_named_test_is_taken_and_one_that_does_not_suit_refused() -> None:
    found = compared(Question("accuracy", "higher", test="permutation"), GOOD, BAD)
    assert found.test is not None
    assert found.test.method.startswith("permutation")
    assert found.why == ("It was asked for.",)
    with pytest.raises(AnalysisError, match="paired_by"):
        judge(Question("accuracy", "higher", test="wilcoxon"), [GOOD, BAD])
    with pytest.raises(AnalysisError, match="knows no pairs"):
        judge(Question("accuracy", "higher", test="welch", paired_by="params.seed"), [GOOD, BAD])
    with pytest.raises(AnalysisError, match="test_share"):
        judge(
            Question("accuracy", "higher", test="corrected-t", paired_by="params.seed"), [GOOD, BAD]
        )


def test_values_of_which_a_named_test_cannot_be_computed_decide_nothing() -> None:
    question = Question("x", "higher", paired_by="params.seed", test="corrected-t", test_share=0.1)
    same = judge(question, [group("a", 1, 2, 3), group("b", 1, 2, 3), group("c", 0, 0, 1)])
    assert [each.test is None for each in same.comparisons] == [True, False]
    assert any("No test" in told for told in same.comparisons[0].warnings)


def test_more_groups_make_each_comparison_stricter() -> None:
    close = group("close", 0.905, 0.91, 0.915, 0.912, 0.9)
    alone = compared(HIGHER, GOOD, close)
    verdict = judge(HIGHER, [GOOD, close, BAD])
    assert alone.p_adjusted is not None
    assert verdict.comparisons[0].p_adjusted is not None
    assert verdict.comparisons[0].p_adjusted >= alone.p_adjusted
    assert verdict.omnibus is not None
    assert verdict.omnibus.p_value < 0.001


def test_is_worse_if_one_of_many_is_better() -> None:
    assert judge(HIGHER, [BAD, GOOD, group("other", 0.1, 0.2, 0.1, 0.2, 0.1)]).decision == "worse"


def test_constant_groups_are_compared_all_the_same() -> None:
    same = judge(HIGHER, [group("a", 1, 1, 1), group("b", 1, 1, 1)])
    assert same.decision == "undecided"
    found = compared(HIGHER, group("a", 2, 2, 2, 2, 2), group("b", 1, 1, 1, 1, 1))
    assert found.decision == "better"
    coarse = compared(HIGHER, group("a", 2, 2), group("b", 1, 1))
    assert any("nothing could be significant" in told for told in coarse.warnings)


def test_looking_early_and_unequal_budgets_are_told() -> None:
    early = group("a", 1.0, 2.0, 3.0, status="RUNNING", steps=100)
    late = group("b", 1.0, 2.0, 3.0, steps=1000, duration=90_000)
    told = " ".join(judge(HIGHER, [early, late]).warnings)
    assert "3 runs are not finished" in told
    assert "the runs of b have 10 times the steps of those of a" in told


@pytest.mark.parametrize(
    ("question", "groups", "message"),
    [
        (HIGHER, [GOOD], "at least two"),
        (HIGHER, [GOOD, GOOD], "one name"),
        (HIGHER, [GOOD, msgspec.structs.replace(GOOD, name="copy")], "is in new and in copy"),
        (Question("x", "higher", alpha=1.5), [GOOD, BAD], "alpha"),
        (Question("x", "higher", power=0), [GOOD, BAD], "power"),
        (Question("x", "higher", margin=-1), [GOOD, BAD], "margin"),
    ],
)
def test_a_question_without_an_answer_is_refused(
    question: Question, groups: list[Group], message: str
) -> None:
    with pytest.raises(AnalysisError, match=message):
        judge(question, groups)


rows = st.integers(3, 5).flatmap(
    lambda groups: st.lists(
        st.lists(st.integers(0, 6).map(float), min_size=groups, max_size=groups),
        min_size=2,
        max_size=7,
    )
)


@settings(max_examples=25)
@given(rows, st.sampled_from(["higher", "lower"]))
def test_ranks_three_paired_groups_and_more(
    table: list[list[float]], direction: Literal["higher", "lower"]
) -> None:
    groups = [group(f"g{place}", *column) for place, column in enumerate(zip(*table, strict=True))]
    question = Question("x", direction, paired_by="params.seed")
    ranks = judge(question, groups).ranks
    assert ranks is not None
    assert ranks.pairs == len(table)
    assert sum(ranks.mean_ranks) == pytest.approx(len(groups) * (len(groups) + 1) / 2)
    assert list(ranks.mean_ranks) == sorted(ranks.mean_ranks)
    by_name = dict(zip(ranks.names, ranks.mean_ranks, strict=True))
    for place, each in enumerate(groups):
        better = [
            sum(
                (other > row[place]) == (direction == "higher")
                for other in row
                if other != row[place]
            )
            + (row.count(row[place]) + 1) / 2
            for row in table
        ]
        assert by_name[each.name] == pytest.approx(np.mean(better))
    assert ranks.difference is not None
    for clique in ranks.cliques:
        places = [by_name[name] for name in clique]
        assert max(places) - min(places) <= ranks.difference + 1e-9
    others = msgspec.structs.replace(question, paired_by=None)
    assert judge(others, groups).ranks is None
    assert judge(question, groups[:2]).ranks is None


def test_reads_verdicts_of_before_there_were_ranks_and_profiles() -> None:
    text, begin, _ = judge(HIGHER, [GOOD, BAD]).to_json().rpartition(',"ranks":null,"profiles":{')
    assert begin
    before = Verdict.from_json(text + "}")
    assert (before.ranks, before.profiles) == (None, None)


def of_tasks(name: str, *tasks: list[float]) -> Group:
    runs = [
        Observation(f"{name}{task}-{place}", value, pair=f"task {task}")
        for task, of_task in enumerate(tasks)
        for place, value in enumerate(of_task)
    ]
    return Group(name, name, tuple(runs))


def test_profiles_are_shares_of_runs_better_than_each_value() -> None:
    question = msgspec.structs.replace(HIGHER, paired_by="params.task")
    a, b = of_tasks("a", [0.5, 0.7, 0.9], [0.2, 0.4]), of_tasks("b", [0.5, 0.5], [0.1, 0.2])
    found = judge(question, [a, b]).profiles
    assert found is not None
    assert found.tasks == 2
    assert found.thresholds == (0.1, 0.2, 0.4, 0.5, 0.7, 0.9)
    # The tasks count alike, whatever the number of their runs.
    assert found.groups[0].share == pytest.approx((1, 3 / 4, 1 / 2, 1 / 3, 1 / 6, 0))
    assert found.groups[1].share == pytest.approx((3 / 4, 1 / 2, 1 / 2, 0, 0, 0))
    assert [each.runs for each in found.groups] == [5, 4]
    # Pairs of one run each are no tasks: all runs are taken together, and below is better.
    single = judge(msgspec.structs.replace(question, direction="lower"), [GOOD, BAD]).profiles
    assert single is not None
    assert single.tasks == 1
    assert single.groups[0].share == pytest.approx((0, 0, 0, 0, 2 / 5, 4 / 5))
    assert single.groups[1].share == pytest.approx((0, 2 / 5, 4 / 5, 1, 1, 1))
    many = group("many", *(float(value) for value in range(1_000)))
    most = judge(HIGHER, [many, GOOD]).profiles
    assert most is not None
    assert len(most.thresholds) == 101
    assert (most.thresholds[0], most.thresholds[-1]) == (0, 999)


def test_a_headline_names_some_of_many_groups_and_the_record_all() -> None:
    others = [group(f"old{number:02}", 0.8, 0.82, 0.81, 0.8, 0.81) for number in range(20)]
    verdict = judge(HIGHER, [GOOD, *others])
    assert verdict.headline == "new is better than old00, old01, old02 and 17 others in accuracy."
    assert [each.b for each in verdict.comparisons] == [each.name for each in others]
    few = judge(HIGHER, [GOOD, *others[:4]])
    assert few.headline == "new is better than old00, old01, old02 and old03 in accuracy."
