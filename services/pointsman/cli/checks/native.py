"""Whether the router's fast path is installed; it may be missing."""

from pointsman.cli.checks.finding import CheckResult
from pointsman.runtime.native import library


def native() -> CheckResult:
    """Nothing is wrong without it."""
    if library() is None:
        detail = "not installed: every job takes the full path. Install it: pip install 'pointsman[native]'"
        return CheckResult("fast path", True, detail)
    return CheckResult("fast path", True, "installed: the router uses it for ordinary jobs")
