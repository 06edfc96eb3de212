"""Validates names in a policy: that a tier exists, and that a name is used once."""

from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo

from pointsman.runtime.unknown_tier import unknown_tier
from pointsman_schemas.base import TierName

#: In place of a tier's name: the tier that the job asks for.
ASKED = "asked"
#: In place of a tier's name: the tier that the learned score chooses.
SCORED = "scored"
#: In place of a tier's name: the cascade's tiers in order, until an answer is accepted.
CASCADE = "cascade"


def known_tier(*others: str) -> AfterValidator:
    """Return a validator: the name is one of the file's tiers, or one of `others`."""

    def check(tier: str, info: ValidationInfo) -> str:
        tiers = context_of(info).get("tiers")
        if tiers is not None and tier not in tiers and tier not in others:
            raise ValueError(unknown_tier(tier, tiers))
        return tier

    return AfterValidator(check)


#: The name of one of the file's tiers.
PolicyTier = Annotated[TierName, known_tier()]


def context_of(info: ValidationInfo) -> dict[str, Any]:
    """Return what the validators of one file share; `tiers`: the file's tiers, once they are read."""
    return info.context if isinstance(info.context, dict) else {}


def unique_name(kind: str, **other_names: str) -> AfterValidator:
    """Return a validator that refuses a name used before, or in `other_names` (name -> meaning)."""

    def check(name: str, info: ValidationInfo) -> str:
        if name in other_names:
            raise ValueError(f"`{name}` is the name of {other_names[name]}; give the {kind} another")
        names = context_of(info).setdefault(f"{kind}s", [])
        if name in names:
            raise ValueError(f"there is a {kind} `{name}` above; give this one another name")
        names.append(name)
        return name

    return AfterValidator(check)
