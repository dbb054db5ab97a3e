"""Which test compares two groups, and why: by what was asked for, or by what the data allow."""

import math
from dataclasses import dataclass

import numpy as np

from headwater.analysis.assumptions import Check, check_pairs, check_two_groups
from headwater.analysis.inputs import positive
from headwater.analysis.paired import (
    corrected_resampled_t,
    paired_t,
    sign_flips,
    sign_test,
    wilcoxon,
)
from headwater.analysis.result import HypothesisTest
from headwater.analysis.two_groups import mann_whitney, permutation, welch_t
from headwater.entities.metric import Float64s
from headwater.entities.verdict import Choice, Question
from headwater.errors import AnalysisError

_PAIRED: tuple[Choice, ...] = ("paired-t", "wilcoxon", "sign", "corrected-t")
_UNPAIRED: tuple[Choice, ...] = ("welch", "mann-whitney")

_AFTER = "A test that is named before the data are seen says more than one that they choose."


@dataclass(frozen=True)
class Chosen:
    """A test that was carried out."""

    test: HypothesisTest
    why: tuple[str, ...]
    checks: tuple[Check, ...]
    warnings: tuple[str, ...]


def check_test(question: Question) -> None:
    """Refuse a test that does not suit the question. Raises AnalysisError."""
    if question.test in _PAIRED and question.paired_by is None:
        raise AnalysisError(
            f"test is {question.test!r}, which compares pairs; say with paired_by what makes them."
        )
    if question.test in _UNPAIRED and question.paired_by is not None:
        raise AnalysisError(
            f"test is {question.test!r}, which knows no pairs; leave paired_by out, or test too."
        )
    if question.test == "corrected-t":
        if question.test_share is None:
            raise AnalysisError(
                "test_share is missing: the corrected t-test needs the size of a test set divided "
                "by that of a training set, such as 0.111 for ten folds."
            )
        positive("test_share", question.test_share)


def test_groups(a: Float64s, b: Float64s, question: Question) -> Chosen:
    """Test two independent groups of at least two values each.

    By itself it takes Welch's t-test, unless outliers or skew speak against means: then ranks; and
    a permutation test where values do not vary at all.

    Raises:
        AnalysisError: the test that was asked for cannot be computed of them.
    """
    checks = check_two_groups(a, b, alpha=question.alpha)
    level = 1 - question.alpha
    choice, why = _unpaired_choice(a, b, question.test, checks)
    if choice == "welch":
        test = welch_t(a, b, level=level)
    elif choice == "mann-whitney":
        test = mann_whitney(a, b, level=level)
    else:
        varies = np.ptp(a) > 0 or np.ptp(b) > 0
        test = permutation(a, b, seed=question.seed, statistic="t" if varies else "mean")
    ways = math.comb(a.size + b.size, a.size)
    coarse = _coarse(test, ways, question.alpha) if choice != "welch" else ()
    return Chosen(test, why, checks, (*test.warnings, *coarse))


def test_pairs(a: Float64s, b: Float64s, question: Question) -> Chosen:
    """Test at least two pairs, given in the same order.

    By itself it takes the paired t-test, unless outliers or skew of the differences speak against
    their mean: then signed ranks; and flips of signs where the differences do not vary at all.

    Raises:
        AnalysisError: the test that was asked for cannot be computed of them.
    """
    checks = check_pairs(a, b, alpha=question.alpha)
    level = 1 - question.alpha
    choice, why = _paired_choice(a - b, question.test, checks)
    if choice == "corrected-t":
        assert question.test_share is not None
        test = corrected_resampled_t(a, b, test_share=question.test_share, level=level)
    elif choice == "paired-t":
        test = paired_t(a, b, level=level)
    elif choice == "wilcoxon":
        test = wilcoxon(a, b, level=level)
    elif choice == "sign":
        test = sign_test(a, b, level=level)
    else:
        test = sign_flips(a, b, seed=question.seed)
    coarse = () if choice.endswith("-t") else _coarse(test, 2**a.size, question.alpha)
    return Chosen(test, why, checks, (*test.warnings, *coarse))


def _unpaired_choice(
    a: Float64s, b: Float64s, asked: Choice, checks: tuple[Check, ...]
) -> tuple[Choice, tuple[str, ...]]:
    if asked != "auto":
        return asked, ("It was asked for.",)
    if np.ptp(a) == 0 and np.ptp(b) == 0:
        return "permutation", ("The values of a group do not vary: a t-test has no error term.",)
    against = _against_means(checks)
    if against:
        return "mann-whitney", (*against, "Ranks are compared instead of means.", _AFTER)
    return "welch", (
        "Means are compared without assuming equal variances; no check speaks against it.",
    )


def _paired_choice(
    differences: Float64s, asked: Choice, checks: tuple[Check, ...]
) -> tuple[Choice, tuple[str, ...]]:
    if asked != "auto":
        return asked, ("It was asked for.",)
    spread = float(np.ptp(differences))
    if spread <= 1e-14 * float(np.abs(differences).max()):
        return "permutation", ("The differences do not vary: a t-test has no error term.",)
    against = _against_means(checks)
    if against:
        return "wilcoxon", (*against, "Signed ranks replace the mean difference.", _AFTER)
    return "paired-t", (
        "Pairs take out what their runs share; no check speaks against their mean difference.",
    )


def _against_means(checks: tuple[Check, ...]) -> tuple[str, ...]:
    """Return what says that means mislead: outliers, or skew among too few values."""
    return tuple(
        f"{check.assumption}: no. {check.finding}"
        for check in checks
        if check.holds is False
        and check.method in ("Shapiro-Wilk test", "Tukey's outer fences")
        and "all the same" not in check.finding
    )


def _coarse(test: HypothesisTest, ways: int, alpha: float) -> tuple[str, ...]:
    """Return a warning where no outcome whatever could have been significant."""
    least = 2 / ways
    if not test.exact or least <= alpha:
        return ()
    return (
        f"With so few runs the smallest p-value that this test can give is {least:.2g}: nothing "
        f"could be significant at {alpha:g}.",
    )
