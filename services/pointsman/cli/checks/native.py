"""Whether the router's fast path is installed; it may be missing."""

from pointsman.cli.checks.finding import Finding
from pointsman.router.fast_path import library


def native() -> Finding:
    """Nothing is wrong without it."""
    if library() is None:
        detail = "not installed: every job takes the full path. Install it: pip install 'pointsman[native]'"
        return Finding("fast path", True, detail)
    return Finding("fast path", True, "installed: the router uses it for ordinary jobs")
