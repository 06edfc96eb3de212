"""Arithmetic with identical results on every machine: only + - * / and integers, no `libm`.

`sum` of floats differs between versions of Python, `math.exp` between C libraries; neither is used in a
decision.
"""

from math import isnan, ldexp

_LN2 = 0.6931471805599453


def exp(x: float) -> float:
    """Return e to the power of x, with x clamped to -40 .. 40; NaN stays NaN."""
    if not -40.0 <= x <= 40.0:
        if isnan(x):
            return x
        x = -40.0 if x < 0 else 40.0
    halvings = round(x / _LN2)
    r = x - halvings * _LN2  # |r| < 0.35: eleven terms of the series are exact to 1e-14
    near = 1.0 + r / 8.0 * (1.0 + r / 9.0 * (1.0 + r / 10.0 * (1.0 + r / 11.0)))
    near = 1.0 + r / 4.0 * (1.0 + r / 5.0 * (1.0 + r / 6.0 * (1.0 + r / 7.0 * near)))
    near = 1.0 + r * (1.0 + r / 2.0 * (1.0 + r / 3.0 * near))
    return ldexp(near, halvings)


def sigmoid(x: float) -> float:
    """Convert log-odds to a probability."""
    return 1.0 / (1.0 + exp(-x))
