"""Whether somebody gives the second opinions that the policy asks for."""

from pointsman.bus.admin.members import count_members
from pointsman.bus.errors import BusError
from pointsman.cli.checks.finding import CheckResult
from pointsman.cli.formats import count
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.runtime.settings import KafkaPart


async def opinion(kafka: KafkaPart, group: str, policy: PolicyFile | None) -> list[CheckResult]:
    """How many do; nothing where the policy asks for none."""
    section = None if policy is None or policy.score is None else policy.score.opinion
    if section is None:
        return []
    try:
        there = await count_members(kafka, group)
    except BusError:
        return [CheckResult("opinion", None, "not looked at: Kafka is not reachable")]
    if there:
        text = f"second opinions are given by {count(there, 'member')} of the group {group}"
        return [CheckResult("opinion", True, text)]
    return [
        CheckResult(
            "opinion",
            False,
            "nobody gives the second opinions that the policy asks for: undecided jobs wait; after "
            f"{section.wait_s:g} s new ones go to the fallback without one",
            "pointsman run opinion      # two of them, so that one may stop",
        )
    ]
