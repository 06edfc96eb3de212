"""Parsing of verdicts."""

import pytest
import typer

from pointsman.cli.jobs.feedback import read_verdict


@pytest.mark.parametrize(
    ("text", "verdict"), [("good", 1.0), ("Bad", 0.0), ("0.7", 0.7), ("1", 1.0), ("0", 0.0)]
)
def test_a_verdict_is_a_word_or_a_number(text: str, verdict: float) -> None:
    assert read_verdict(text) == verdict


@pytest.mark.parametrize("text", ["", "fine", "1.1", "-0.1", "nan", "inf", "50%"])
def test_anything_else_is_refused_with_the_valid_values(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="good, bad, or a number from 0 to 1"):
        read_verdict(text)
