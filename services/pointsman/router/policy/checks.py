"""Makes the checks of decisions; equal ones are cached."""

from functools import lru_cache

from pointsman_schemas.decisions import Check, Layer


@lru_cache(maxsize=4096)
def check_of(layer: Layer, name: str, passed: bool, detail: str) -> Check:
    """Return a check. Cached: most are equal, and building one costs more than the comparison it records."""
    return Check(layer=layer, name=name, passed=passed, detail=detail)
