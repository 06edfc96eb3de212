"""The limits on what one job's calls cost: pure."""

from decimal import Decimal

from pointsman.worker.limits.errors import NoRoomError


class JobBudget:
    """US dollars of one job on one tier. A call counts with its maximum cost until its cost is known."""

    def __init__(
        self, *, tier_limit: Decimal | None, agent_limit: Decimal | None, spent_before: Decimal
    ) -> None:
        """`spent_before`: on the cascade's earlier tiers; it counts against the agent's limit alone."""
        self._limits = [
            (limit, before, is_agents)
            for limit, before, is_agents in (
                (tier_limit, Decimal(0), False),
                (agent_limit, spent_before, True),
            )
            if limit is not None
        ]
        self._spent = Decimal(0)

    def __bool__(self) -> bool:
        return bool(self._limits)

    @property
    def spent(self) -> Decimal:
        """The cost of the calls so far; a call whose cost is not known counts with its maximum."""
        return self._spent

    def check(self, most_usd: Decimal) -> None:
        """Check whether a call that costs at most `most_usd` is within the limits.

        Raises:
            NoRoomError: a limit does not allow it.
        """
        for limit, before, is_agents in self._limits:
            spent = before + self._spent
            if spent + most_usd > limit:
                reason = f"a call may cost ${most_usd:f}, and ${spent:f} of the job's are spent or reserved"
                reason = f"{reason} (usd_per_job is ${limit:f})"
                raise NoRoomError("usd_per_job", reason, of_agent=is_agents)

    def reserve(self, most_usd: Decimal) -> None:
        """Count a call that costs at most `most_usd`.

        Raises:
            NoRoomError: a limit does not allow it; nothing is counted.
        """
        self.check(most_usd)
        self._spent += most_usd

    def settle(self, most_usd: Decimal, cost_usd: Decimal) -> None:
        """Count a reserved call with its cost: 0 if it was not made, its maximum if the cost is unknown."""
        self._spent += cost_usd - most_usd
