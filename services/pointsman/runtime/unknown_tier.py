"""The message about a tier that a file or a job names and that does not exist."""

from collections.abc import Sequence
from difflib import get_close_matches


def unknown_tier(tier: str, tiers: Sequence[str]) -> str:
    """`there is no tier `medum`, did you mean `medium`? The tiers are small, medium`."""
    near = get_close_matches(tier, tiers, n=1)
    guess = f", did you mean `{near[0]}`?" if near else "."
    return f"there is no tier `{tier}`{guess} The tiers are {', '.join(tiers)}"
