"""The error message for an unknown tier in a file or a job."""

from collections.abc import Sequence
from difflib import get_close_matches


def unknown_tier(tier: str, tiers: Sequence[str]) -> str:
    """Return ``there is no tier `medum`, did you mean `medium`? The tiers are small, medium``."""
    near = get_close_matches(tier, tiers, n=1)
    guess = f", did you mean `{near[0]}`?" if near else "."
    return f"there is no tier `{tier}`{guess} The tiers are {', '.join(tiers)}"
