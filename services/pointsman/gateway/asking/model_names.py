"""The values that callers may give as `model`: `auto`, a tier, or a model name of the policy in force.

If the policy lists no model names, any name is accepted and the policy chooses the tier, so that applications
work unchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pointsman.gateway.errors import invalid, not_found, unavailable
from pointsman_schemas.base import Json, format_time
from pointsman_schemas.control.policies import PolicyApplied

AUTO = "auto"
TIER = "tier:"
#: The longest model name that a policy may have.
LONGEST = 128


@dataclass(slots=True)
class ModelNames:
    """The names in the latest policy that a router has applied."""

    tiers: Sequence[str] = ()
    models: Mapping[str, str] = field(default_factory=dict)

    @property
    def problem(self) -> str | None:
        """Why no names are known yet, for `/readyz`; None if they are."""
        return None if self.tiers else "no router has applied a policy yet"

    def hear(self, policy: PolicyApplied) -> None:
        """Take over the names of a policy that a router has applied."""
        self.tiers, self.models = policy.tiers, policy.models

    def tier(self, name: object) -> str | None:
        """Return the tier that a name stands for; None if the policy chooses.

        Raises:
            ApiError: the name is unknown, or no policy has been applied yet.
        """
        if name is None or name == AUTO:
            return None
        if not isinstance(name, str):
            raise invalid("model must be a text", "model", "invalid_type")
        self._know()
        if name in self.models:
            return self.models[name]
        tier = name.removeprefix(TIER)
        if name.startswith(TIER) and tier in self.tiers:
            return tier
        if 0 < len(name) <= LONGEST and not name.startswith(TIER) and not self.models:
            return None
        raise not_found(
            f"there is no model {name[:100]!r} here; these are: {', '.join(self.names[:50])}",
            "model",
            code="model_not_found",
        )

    @property
    def names(self) -> list[str]:
        """All names that may be requested. Raises: ApiError: no policy has been applied yet."""
        self._know()
        return [AUTO, *(f"{TIER}{tier}" for tier in self.tiers), *sorted(self.models)]

    def listed(self, now: datetime) -> Json:
        """The list of models with the fields of both OpenAI's and Anthropic's API."""
        names = self.names
        return {
            "object": "list",
            "data": [described(name, now) for name in names],
            "first_id": names[0],
            "last_id": names[-1],
            "has_more": False,
        }

    def _know(self) -> None:
        if self.problem is not None:
            raise unavailable(self.problem)


def described(name: str, now: datetime) -> Json:
    """One model, with the fields of both OpenAI's and Anthropic's API."""
    openai = {"object": "model", "created": int(now.timestamp()), "owned_by": "pointsman"}
    anthropic = {"type": "model", "display_name": name, "created_at": format_time(now), "lifecycle": "active"}
    return {"id": name, **openai, **anthropic}
