"""Formatting of times, money and untrusted text."""

from decimal import Decimal

import pytest

from pointsman.cli.formats import block, count, duration, gist, money, printable


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0042, "4 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.00 s"),
        (2.344, "2.34 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (200, "3 min 20 s"),
        (3599.7, "1 h"),
        (7_500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
        (-1.5, "-1.50 s"),
    ],
)
def test_durations_are_correct_at_unit_boundaries(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "cost unknown"),
        (Decimal(0), "$0.00"),
        (Decimal("0.000123"), "$0.00012"),
        (Decimal("0.0456"), "$0.046"),
        (Decimal("0.5"), "$0.50"),
        (Decimal("1234.5"), "$1,234.50"),
    ],
)
def test_money_keeps_two_significant_digits(usd: Decimal | None, text: str) -> None:
    assert money(usd) == text


def test_terminal_codes_in_foreign_text_are_escaped() -> None:
    evil = "a\x1b[2Jb\x07c\rd\u202ee\x9b31mf\ng"
    assert printable(evil) == gist(evil) == block(evil).replace("\n", " ") == "a [2Jb c d e 31mf g"


def test_a_shortened_text_ends_at_a_word() -> None:
    text = "What is the notice period in this contract clause?"
    assert gist(text, 100) == text
    assert gist(text, 30) == "What is the notice period in…"
    assert all(len(gist(text, width)) <= width for width in range(1, 60))


def test_nouns_agree_with_their_number() -> None:
    assert [count(n, "call") for n in (0, 1, 1204)] == ["0 calls", "1 call", "1,204 calls"]
