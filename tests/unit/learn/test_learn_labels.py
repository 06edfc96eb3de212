"""How recorded answers are labelled, conservatively."""

import pytest

from pointsman.learn.labels import Answered, points

TIERS = ("small", "medium", "frontier")
LONG = "word " * 200


def worth(**answers: Answered | str) -> tuple[float, ...] | None:
    answered = {
        tier: Answered(answer) if isinstance(answer, str) else answer for tier, answer in answers.items()
    }
    return points(answered, TIERS)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"small": "The answer is 12.", "medium": "12", "frontier": "12.0"}, (1.0, 1.0, 1.0)),
        ({"small": "13", "medium": "12", "frontier": "12"}, (0.0, 1.0, 1.0)),
        ({"small": "12", "medium": "13", "frontier": "12"}, (1.0, 0.0, 1.0)),
        ({"small": "12", "frontier": "12"}, (1.0, 1.0, 1.0)),
        ({"small": "13", "frontier": "12"}, (0.0, 0.0, 1.0)),
        ({"medium": "12", "frontier": "12"}, (0.0, 1.0, 1.0)),
        ({"small": Answered("x", 1.0)}, (1.0, 1.0, 1.0)),
        ({"small": Answered("x", 0.0)}, (0.0, 0.0, 1.0)),
        ({"medium": Answered("x", 0.4)}, (0.0, 0.4, 1.0)),
        ({"small": Answered("12", 0.0), "frontier": "12"}, (0.0, 0.0, 1.0)),
        ({"small": Answered("13", 1.0), "frontier": Answered("12", 0.0)}, (1.0, 0.0, 0.0)),
        ({"small": "12", "frontier": Answered("12", 0.0)}, (0.0, 0.0, 0.0)),
        ({"small": "12", "frontier": ""}, (0.0, 0.0, 1.0)),
    ],
)
def test_verdicts_come_first_then_agreement_and_the_unknown_counts_as_bad(
    answers: dict[str, Answered | str], expected: tuple[float, ...]
) -> None:
    assert worth(**answers) == expected


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"frontier": "12"},
        {"frontier": Answered("12", 1.0)},
        {"small": "12"},
        {"small": LONG, "frontier": LONG},
        {"small": "12", "medium": LONG, "other": "12"},
    ],
    ids=["nothing", "strongest alone", "strongest judged", "nothing beside it", "too long", "unknown tier"],
)
def test_answers_that_say_nothing_about_a_cheaper_tier_are_no_labels(
    answers: dict[str, Answered | str],
) -> None:
    assert worth(**answers) is None
