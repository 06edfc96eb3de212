"""Makes checks of the trace; equal ones are cached."""

from functools import lru_cache

from pointsman_schemas.decisions import Check, Layer


@lru_cache(maxsize=4096)
def check_of(layer: Layer, name: str, passed: bool, detail: str) -> Check:
    """One check. They are frozen and most are alike, and making one costs more than what it tells of."""
    return Check(layer=layer, name=name, passed=passed, detail=detail)
