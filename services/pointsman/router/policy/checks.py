"""Makes checks of the trace; equal ones are cached."""

from functools import lru_cache

from pointsman_schemas.decisions import Check, Layer


@lru_cache(maxsize=4096)
def check_of(layer: Layer, name: str, passed: bool, detail: str) -> Check:
    """Return a check. They are frozen and mostly equal, and creating one costs more than a cache lookup."""
    return Check(layer=layer, name=name, passed=passed, detail=detail)
