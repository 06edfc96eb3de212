"""Checks of names in a policy: that a tier exists, and that a name is not used twice."""

from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo

from pointsman.runtime.unknown_tier import unknown_tier
from pointsman_schemas.base import TierName

#: Instead of a tier's name: whichever tier the job asks for.
ASKED = "asked"
#: Instead of a tier's name: whichever tier the learned score finds good enough.
SCORED = "scored"
#: Instead of a tier's name: the cascade's tiers, one after the other, until an answer counts.
CASCADE = "cascade"


def known_tier(*others: str) -> AfterValidator:
    """For the name of one of the file's tiers, or of `others`."""

    def check(tier: str, info: ValidationInfo) -> str:
        tiers = context_of(info).get("tiers")
        if tiers is not None and tier not in tiers and tier not in others:
            raise ValueError(unknown_tier(tier, tiers))
        return tier

    return AfterValidator(check)


#: The name of one of the file's tiers.
PolicyTier = Annotated[TierName, known_tier()]


def context_of(info: ValidationInfo) -> dict[str, Any]:
    """What the validators of one file tell one another; `tiers` are its tiers once they are read."""
    return info.context if isinstance(info.context, dict) else {}


def unique_name(kind: str, **other_names: str) -> AfterValidator:
    """Refuses a `kind`'s name that an earlier one has, or that is in `other_names` (name -> meaning)."""

    def check(name: str, info: ValidationInfo) -> str:
        if name in other_names:
            raise ValueError(f"`{name}` is the name of {other_names[name]}; give the {kind} another")
        names = context_of(info).setdefault(f"{kind}s", [])
        if name in names:
            raise ValueError(f"there is a {kind} `{name}` above; give this one another name")
        names.append(name)
        return name

    return AfterValidator(check)
