"""Numbers drawn from a stable hash: the same request draws the same numbers in every process."""

from hashlib import blake2b
from math import exp
from statistics import NormalDist

_NORMAL = NormalDist()


def digest(*parts: bytes) -> int:
    """A 64-bit number that depends on the parts and their borders only."""
    state = blake2b(digest_size=8)
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return int.from_bytes(state.digest(), "big")


def unit(seed: int, label: str) -> float:
    """A number in [0, 1) for one purpose; another `what` gives an independent one."""
    return digest(seed.to_bytes(8, "big"), label.encode()) / 2**64


def below(seed: int, label: str, limit: int) -> int:
    """An integer in [0, limit)."""
    return int(unit(seed, label) * limit)


def lognormal(seed: int, label: str, *, median: float, sigma: float) -> float:
    """A lognormal number with the given median; `sigma` 0 gives the median itself."""
    if sigma == 0 or median == 0:
        return median
    u = min(max(unit(seed, label), 1e-6), 1 - 1e-6)  # at most 4.8 sigma away: no draw lasts for ever
    return median * exp(sigma * _NORMAL.inv_cdf(u))
