"""Whether a tier that a file names exists, and what to say if it does not."""

from typing import Any

from pydantic import ValidationInfo

from pointsman.runtime.unknown_tier import unknown_tier

#: Instead of a tier's name: whichever tier the job asks for.
ASKED = "asked"
#: Instead of a tier's name: whichever tier the learned score finds good enough.
SCORED = "scored"
#: Instead of a tier's name: the cascade's tiers, one after the other, until an answer counts.
CASCADE = "cascade"


def check_tier(tier: str, info: ValidationInfo, *others: str) -> str:
    """`tier`, if it is one of the file's or of `others`.

    Raises:
        ValueError: it is not.
    """
    tiers = context_of(info).get("tiers")
    if tiers is not None and tier not in tiers and tier not in others:
        raise ValueError(unknown_tier(tier, tiers))
    return tier


def context_of(info: ValidationInfo) -> dict[str, Any]:
    """What the validators of one file tell one another; `tiers` are its tiers once they are read."""
    return info.context if isinstance(info.context, dict) else {}
