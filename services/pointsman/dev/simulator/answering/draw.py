"""Pseudo-random numbers from a stable hash: equal requests draw equal numbers in every process."""

from hashlib import blake2b
from math import exp
from statistics import NormalDist

_NORMAL = NormalDist()


def digest(*parts: bytes) -> int:
    """Return a 64-bit hash of the parts. It also depends on where one part ends and the next begins."""
    state = blake2b(digest_size=8)
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return int.from_bytes(state.digest(), "big")


def unit(seed: int, label: str) -> float:
    """Return a number in [0, 1). Numbers for different labels are independent."""
    return digest(seed.to_bytes(8, "big"), label.encode()) / 2**64


def below(seed: int, label: str, limit: int) -> int:
    """Return an integer in [0, limit)."""
    return int(unit(seed, label) * limit)


def lognormal(seed: int, label: str, *, median: float, sigma: float) -> float:
    """Return a lognormal number with the given median; with `sigma` 0, the median itself."""
    if sigma == 0 or median == 0:
        return median
    u = min(max(unit(seed, label), 1e-6), 1 - 1e-6)  # at most 4.8 sigma away, to bound delays
    return median * exp(sigma * _NORMAL.inv_cdf(u))
