"""Verdicts compared with predictions: a correct score is kept, an overconfident one is found."""

from random import Random

from pointsman.score.calibration import LEAST, check_calibration


def judged(promised: float, true: float, count: int, seed: int) -> tuple[list[float], list[float]]:
    draw = Random(seed)
    return [promised] * count, [float(draw.random() < true) for _ in range(count)]


def test_a_correct_score_is_kept() -> None:
    alarms = sum(
        not check_calibration(*judged(0.9, 0.9, 100, seed), [1.0] * 100).holds for seed in range(1_000)
    )
    assert alarms < 20


def test_a_score_that_underestimates_is_kept() -> None:
    assert all(check_calibration(*judged(0.8, 0.95, 100, seed), []).holds for seed in range(200))


def test_an_overconfident_score_is_found() -> None:
    reports = [check_calibration(*judged(0.95, 0.7, 100, seed), [1.0] * 20) for seed in range(200)]
    assert sum(not report.holds for report in reports) > 190
    assert str(check_calibration([0.9] * 40, [1.0] * 20 + [0.0] * 20, [])) == (
        "the score promises too much: 20.0 of 40 judged answers good, 36.0 expected, 20.0 < 30.3"
    )


def test_questions_that_the_strongest_tier_fails_do_not_count() -> None:
    verdicts = [1.0] * 60 + [0.0] * 40
    assert not check_calibration([0.95] * 100, verdicts, []).holds
    assert check_calibration([0.95] * 100, verdicts, verdicts).holds


def test_a_few_verdicts_are_not_enough() -> None:
    few = check_calibration([0.9] * (LEAST - 1), [0.0] * (LEAST - 1), [])
    assert few.holds
    assert "too few" in str(few)
    assert not check_calibration([0.9] * LEAST, [0.0] * LEAST, []).holds
    assert check_calibration([], [], []).holds


def test_a_prediction_of_certainty_permits_no_failure() -> None:
    assert check_calibration([1.0] * 50, [1.0] * 50, []).holds
    assert not check_calibration([1.0] * 50, [1.0] * 49 + [0.0], []).holds
