"""Compares a confidence with a threshold exactly.

Invariants:
- A confidence that equals the threshold, is missing, not a number or outside 0 to 1 does not exceed it.
- A float counts as its shortest decimal; nothing is rounded.
- No value raises.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

#: A longer text is not accepted as a confidence.
LONGEST = 64
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class ThresholdComparison:
    """`value_text`: the compared confidence; None if missing. `detail`: both sides in words."""

    passed: bool
    value_text: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class _Read:
    """`number`: from 0 to 1; None if the value is not such a number, and then `problem` says why."""

    number: Decimal | Fraction | None
    text: str | None
    problem: str = ""


def exceeds(value: object, threshold: Decimal) -> ThresholdComparison:
    """Compare `value` with `threshold`, which it must exceed."""
    reading = _read(value)
    if reading.number is None:
        return ThresholdComparison(False, reading.text, reading.problem)
    if not (threshold.is_finite() and 0 <= threshold <= 1):
        return ThresholdComparison(False, reading.text, "the threshold is no number from 0 to 1")
    other = threshold if isinstance(reading.number, Decimal) else Fraction(threshold)
    against = str(threshold)[:LONGEST]
    if reading.number > other:  # comparing decimals is exact, whatever the context's precision
        return ThresholdComparison(True, reading.text, f"{reading.text} > {against}")
    if reading.number == other:
        return ThresholdComparison(False, reading.text, f"{reading.text} = {against}, must exceed it")
    return ThresholdComparison(False, reading.text, f"{reading.text} < {against}")


def _read(value: object) -> _Read:
    kind = type(value)  # not isinstance: an untrusted object can pretend to be of a class
    if value is None:
        return _Read(None, None, "no confidence was given")
    if issubclass(kind, bool):
        return _Read(None, "true" if value is True else "false", "a truth value is no confidence")
    if kind is Decimal:
        assert isinstance(value, Decimal)
        return _decimal(value)
    if kind is float:
        assert isinstance(value, float)
        return _decimal(Decimal(repr(value)))
    if kind is int:
        assert isinstance(value, int)
        return _decimal(Decimal(value)) if 0 <= value <= 1 else _outside(_brief(value))
    if kind is Fraction:
        assert isinstance(value, Fraction)
        return _fraction(value)
    if kind is str:
        assert isinstance(value, str)
        return _text(value)
    return _Read(None, None, "the confidence is no number")


def _text(text: str) -> _Read:
    if len(text) > LONGEST:
        return _Read(None, _cut(text), f"a text of {len(text)} characters is no confidence")
    if not _PLAIN.fullmatch(text):
        return _Read(None, _cut(text) or None, "the confidence is no plain decimal number")
    return _decimal(Decimal(text))


def _decimal(number: Decimal) -> _Read:
    if not number.is_finite():
        return _Read(None, str(number)[:LONGEST], "the confidence is not a number")
    if not 0 <= number <= 1:
        return _outside(str(number)[:LONGEST])
    text = str(number)
    if len(text) > LONGEST:
        return _Read(None, text[:LONGEST], f"a number of {len(text)} digits is no confidence")
    return _Read(number, text)


def _fraction(number: Fraction) -> _Read:
    if not 0 <= number <= 1:
        return _outside(None)
    if number.denominator >= 10 ** (LONGEST // 2 - 1):
        return _Read(None, None, "the confidence has too many digits")
    return _Read(number, f"{number.numerator}/{number.denominator}")


def _outside(text: str | None) -> _Read:
    return _Read(None, text, "the confidence is not from 0 to 1")


def _brief(number: int) -> str | None:
    """Return a short number's text; a huge one cannot even be converted."""
    return str(number) if -(10**18) < number < 10**18 else None


def _cut(text: str) -> str:
    """Return the printable beginning of an untrusted text."""
    return "".join(char if char.isprintable() else "?" for char in text[:LONGEST])
