"""The own exponential function agrees with the C library's, and does not depend on it."""

import math

from pointsman.score.exact import exp, sigmoid


def test_it_is_the_exponential() -> None:
    for step in range(-4_000, 4_001, 7):
        assert math.isclose(exp(step / 100), math.exp(step / 100), rel_tol=1e-13)


def test_these_bits_hold_on_every_machine() -> None:
    assert exp(1.0).hex() == "0x1.5bf0a8b145763p+1"
    assert sigmoid(-0.7).hex() == "0x1.53c695abcd715p-2"


def test_beyond_its_bounds_it_stays_at_them() -> None:
    assert exp(1e9) == exp(40.0)
    assert exp(-math.inf) == exp(-40.0) > 0.0
    assert math.isnan(exp(math.nan))
