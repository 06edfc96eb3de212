"""A different kind of work is detected by text shapes alone; the same kind is not."""

from pointsman.score.drift import LEAST, profile, shapes, shift
from tests.support.router.outcomes import made_up

HOME = profile(shapes(made_up(400).prompts))


def test_the_same_work_is_familiar() -> None:
    assert shift(HOME, shapes(made_up(300, seed=2).prompts)).familiar
    assert shift(HOME, shapes(made_up(LEAST, seed=3).prompts)).familiar


def test_other_work_is_not_and_it_says_so() -> None:
    letters = [
        f"Dear Sir,\nyour {at} pages arrived (all of them). Thank you!\nYours\n" * 4 for at in range(200)
    ]
    work = shift(HOME, shapes(letters))
    assert not work.familiar
    assert str(work).startswith("unfamiliar work: shift")


def test_a_handful_says_nothing() -> None:
    assert shift(HOME, shapes(["\n" * 900] * (LEAST - 1))).familiar
    assert shift(HOME, []).size > 0
