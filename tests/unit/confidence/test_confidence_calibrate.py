"""A calibrated threshold reaches its target, and too few answers give none."""

import random
from decimal import Decimal
from math import comb, nan

import pytest

from pointsman.confidence.calibrate import (
    THRESHOLDS,
    Calibration,
    JudgedAnswer,
    JudgedTally,
    TooFew,
    at_most,
    calibrate,
    upper_bound,
)

TRIALS = 800


def drawn(rng: random.Random, answers: int, wrong: list[float]) -> JudgedTally:
    """Answers with uniform confidence; `wrong`: the error rate in each hundredth."""
    accepted, errors = [0] * 100, [0] * 100
    for _ in range(answers):
        place = rng.randrange(100)
        accepted[place] += 1
        errors[place] += rng.random() < wrong[place]
    above = [(sum(accepted[at:]), sum(errors[at:])) for at in range(100)]
    return JudgedTally(answers, tuple(n for n, _ in above), tuple(wrong for _, wrong in above))


def broken(wrong: list[float], answers: int, error: float, alpha: float) -> float:
    """The share of trials with a threshold whose true error rate is above the target."""
    rng = random.Random(20_261_129)
    promises = 0
    for _ in range(TRIALS):
        calibrated = calibrate(drawn(rng, answers, wrong), error, alpha)
        if isinstance(calibrated, Calibration):
            rest = wrong[THRESHOLDS.index(calibrated.threshold) :]
            promises += sum(rest) / len(rest) > error
    return promises / TRIALS


@pytest.mark.parametrize(
    "wrong",
    [
        [0.0501] * 100,  # none is good enough, and each by a hair
        [0.3 - 0.003 * place for place in range(100)],  # the surer, the better: from 0.3 to 0.003
        [0.2] * 60 + [0.049] * 10 + [0.052] * 30,  # the strictest are a little too bad
    ],
    ids=["all bad", "falling", "uneven"],
)
def test_the_error_exceeds_the_bound_in_at_most_alpha_of_cases(wrong: list[float]) -> None:
    alpha = 0.1
    slack = 3 * (alpha * (1 - alpha) / TRIALS) ** 0.5
    assert broken(wrong, 800, 0.05, alpha) <= alpha + slack


def test_it_finds_a_threshold_where_there_is_one() -> None:
    falling = [0.3 - 0.003 * place for place in range(100)]
    calibrated = calibrate(drawn(random.Random(1), 5_000, falling), 0.05, 0.05)
    assert isinstance(calibrated, Calibration)
    assert Decimal("0.67") <= calibrated.threshold < Decimal("0.85")  # 0.67 is where the error is 0.05
    assert calibrated.bound <= 0.05
    assert calibrated.errors / calibrated.accepted < calibrated.bound


def test_the_bound_is_clopper_and_pearsons() -> None:
    assert upper_bound(0, 59, 0.05) == pytest.approx(1 - 0.05 ** (1 / 59), abs=1e-12)
    assert upper_bound(1, 10, 0.05) == pytest.approx(0.394163, abs=1e-6)
    assert upper_bound(3, 3, 0.05) == upper_bound(0, 0, 0.05) == 1.0
    stats = pytest.importorskip("scipy.stats")
    for errors, accepted, alpha in ((7, 324, 0.01), (40, 1_000, 0.05), (2, 90, 0.001)):
        exact = stats.beta.ppf(1 - alpha, errors + 1, accepted - errors)
        assert upper_bound(errors, accepted, alpha) == pytest.approx(exact, rel=1e-9)


def test_the_tail_is_the_binomials() -> None:
    for errors, accepted, share in ((0, 5, 0.3), (2, 40, 0.1), (3, 200, 0.05)):
        exact = sum(comb(accepted, k) * share**k * (1 - share) ** (accepted - k) for k in range(errors + 1))
        assert at_most(errors, accepted, share) == pytest.approx(exact, rel=1e-10)


def answers(count: int, confidence: object = 0.999, *, wrong: int = 0) -> list[JudgedAnswer]:
    return [JudgedAnswer(confidence, at >= wrong) for at in range(count)]


@pytest.mark.parametrize(("right", "wrong", "more"), [(89, 0, 1), (0, 0, 90), (60, 1, 69)])
def test_with_too_few_answers_the_missing_number_is_reported(right: int, wrong: int, more: int) -> None:
    judged = answers(right + wrong, wrong=wrong)
    calibrated = calibrate(JudgedTally.of(judged), 0.05, 0.05)
    assert isinstance(calibrated, TooFew)
    assert (calibrated.more, calibrated.errors, calibrated.accepted) == (more, wrong, right + wrong)
    enough = calibrate(JudgedTally.of([*judged, *answers(more)]), 0.05, 0.05)
    assert isinstance(enough, Calibration)
    short = calibrate(JudgedTally.of([*judged, *answers(more - 1)]), 0.05, 0.05)
    assert isinstance(short, TooFew)


def test_a_threshold_is_to_be_exceeded_as_at_run_time() -> None:
    tally = JudgedTally.of(
        [
            *answers(3, Decimal("0.95")),
            *answers(4, Decimal("0.950000000000000001"), wrong=1),
            *answers(5, nan),
            *answers(6, "0.99x"),
            *answers(7, None),
        ]
    )
    at = THRESHOLDS.index(Decimal("0.95"))
    assert (tally.answers, tally.accepted[at], tally.errors[at]) == (25, 4, 1)
    assert (tally.accepted[at - 1], tally.accepted[at + 1], tally.accepted[0]) == (7, 0, 7)


def test_of_equivalent_thresholds_the_strictest_is_chosen() -> None:
    calibrated = calibrate(JudgedTally.of([*answers(100, Decimal("0.97")), *answers(20, 0.6)]), 0.05, 0.05)
    assert isinstance(calibrated, Calibration)
    assert (calibrated.threshold, calibrated.accepted) == (Decimal("0.59"), 120)
