"""Whether the router's native library is there; it may be missing."""

from pointsman.cli.checks.finding import Finding
from pointsman.native.library import library


def native() -> Finding:
    """Nothing is wrong without it."""
    if library() is None:
        said = "none: the router goes its Python way. It is built where rustc 1.84 or newer is at hand"
        return Finding("native library", True, said)
    return Finding("native library", True, "the router uses it for ordinary jobs")
