"""Comparing a confidence with a threshold: exact, and any doubt means no."""

import random
from collections.abc import Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from math import inf, nan, nextafter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.confidence.compare import LONGEST, exceeds

CASES = 100_000
LIMIT = Decimal("0.95")


def boundary_cases(seed: int, count: int) -> Iterator[tuple[Any, Decimal, Fraction | None]]:
    """A value, a threshold, and the expected number; None: not a number from 0 to 1."""
    rng = random.Random(seed)
    for at in range(count):
        digits = rng.randint(1, 18)
        threshold = Decimal(rng.randint(0, 10**digits)).scaleb(-digits)
        # Computed by whole numbers alone: what is compared knows decimals, its judge does not.
        units = int(threshold.scaleb(18)) + rng.choice((-1, 0, 1, rng.randint(-9, 9), rng.randint(-999, 999)))
        text = f"{'-' if units < 0 else ''}{abs(units) // 10**18}.{abs(units) % 10**18:018}"
        worth = Fraction(units, 10**18)
        near = float(threshold)
        for _ in range(rng.randint(0, 2)):
            near = nextafter(near, rng.choice((-inf, inf)))
        value: Any
        match at % 6:
            case 0:
                value = Decimal(text)
            case 1:
                value = text
            case 2 | 3:
                value, worth = near, Fraction(repr(near))
            case 4:
                value = worth
            case _:
                value = rng.choice((0, 1, -1, 2, nan, inf, -inf, None, True, False, "", f"{text} ", [text]))
                number = type(value) is int
                worth = Fraction(value) if number else Fraction(-1)
        yield value, threshold, worth if 0 <= worth <= 1 else None


@pytest.mark.parametrize("precision", [28, 3])
def test_boundary_cases_are_exact(precision: int) -> None:
    wrong, passed, equal = [], 0, 0
    with localcontext() as context:
        context.prec = precision
        for value, threshold, worth in boundary_cases(20_261_129, CASES // 2):
            compared = exceeds(value, threshold)
            expected = worth is not None and worth > Fraction(threshold)
            passed += compared.passed
            equal += worth is not None and worth == Fraction(threshold)
            if compared.passed != expected:
                wrong.append((value, threshold, compared))
    assert wrong == []
    assert passed > 10_000
    assert equal > 3_000


@pytest.mark.parametrize(
    ("value", "detail"),
    [
        (0.94, "0.94 < 0.95"),
        (Decimal("0.94"), "0.94 < 0.95"),
        ("0.9499999999999999999999", "0.9499999999999999999999 < 0.95"),
        (0.95, "0.95 = 0.95, must exceed it"),
        (Decimal("0.950"), "0.950 = 0.95, must exceed it"),
        (Fraction(19, 20), "19/20 = 0.95, must exceed it"),
        (0, "0 < 0.95"),
        (None, "no confidence was given"),
        (True, "a truth value is no confidence"),
        (nan, "the confidence is not a number"),
        (inf, "the confidence is not a number"),
        (Decimal("sNaN"), "the confidence is not a number"),
        (1.0000000000000002, "the confidence is not from 0 to 1"),
        (2, "the confidence is not from 0 to 1"),
        pytest.param(10**5000, "the confidence is not from 0 to 1", id="too long to be spelled"),
        ("sure", "the confidence is no plain decimal number"),
        ("96e-2", "the confidence is no plain decimal number"),
        ("0.96\n", "the confidence is no plain decimal number"),
        ("٠.٩٦", "the confidence is no plain decimal number"),
        ("", "the confidence is no plain decimal number"),
        ("0." + "9" * 100, "a text of 102 characters is no confidence"),
        (Decimal("0." + "9" * 100), "a number of 102 digits is no confidence"),
        (Fraction(10**40 - 1, 10**40), "the confidence has too many digits"),
        ([0.99], "the confidence is no number"),
        ({"confidence": 0.99}, "the confidence is no number"),
    ],
)
def test_a_failed_comparison_is_described(value: object, detail: str) -> None:
    compared = exceeds(value, LIMIT)
    assert (compared.passed, compared.detail) == (False, detail)
    assert compared.value_text is None or len(compared.value_text) <= LONGEST


@pytest.mark.parametrize("value", [0.96, "0.96", Decimal("0.96"), 1, 1.0, Fraction(24, 25)])
def test_a_higher_value_passes(value: object) -> None:
    compared = exceeds(value, LIMIT)
    assert compared.passed
    assert compared.detail.endswith(" > 0.95")


def test_a_float_is_the_shortest_decimal_that_names_it() -> None:
    assert exceeds(0.1 + 0.2, Decimal("0.3")).detail == "0.30000000000000004 > 0.3"
    assert exceeds(0.3, Decimal("0.3")).passed is False  # though the float itself lies a little below
    assert exceeds(0.1, Decimal("0.1")).passed is False  # and this one a little above


class Liar:
    """An object that claims to be a number and fails when used."""

    @property  # type: ignore[misc]  # of a class it can be set
    def __class__(self) -> type:
        raise RuntimeError

    def __gt__(self, other: object) -> bool:
        return True


class Surely(float):
    """A number with a misleading string form."""

    def __repr__(self) -> str:
        return "0.99"


def test_objects_that_imitate_numbers_do_not_pass() -> None:
    assert exceeds(Liar(), LIMIT).passed is False
    assert exceeds(Surely(0.1), LIMIT).passed is False


@pytest.mark.parametrize("threshold", [Decimal("NaN"), Decimal("sNaN"), Decimal(-1), Decimal("Infinity")])
def test_nothing_exceeds_an_invalid_threshold(threshold: Decimal) -> None:
    assert exceeds(0.5, threshold).passed is False


@given(st.one_of(st.text(), st.floats(), st.integers(), st.decimals(), st.fractions(), st.binary()))
def test_nothing_raises(value: object) -> None:
    compared = exceeds(value, LIMIT)
    assert len(compared.detail) <= 500
    assert compared.value_text is None or len(compared.value_text) <= LONGEST
