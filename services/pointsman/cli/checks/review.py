"""Whether the cases that a policy sends to people are kept, and anybody may decide them."""

from collections.abc import Iterator

from pointsman.bus.admin.members import count_members
from pointsman.bus.errors import BusError
from pointsman.cli.checks.finding import CheckResult
from pointsman.cli.formats import count
from pointsman.identity.verify import AgentKeys
from pointsman.registry.follow import read_registry
from pointsman.registry.registry import RegistryHistory
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.router.policy.review_section import ReviewSection
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics


async def review(
    kafka: KafkaPart, topics: Topics, policy: PolicyFile | None, people: AgentKeys | None
) -> list[CheckResult]:
    """The service and the reviewers of each queue; nothing where the policy asks no person."""
    section = None if policy is None else policy.review
    if section is None:
        return []
    group = f"{topics.prefix}.review"
    try:
        members = await count_members(kafka, group)
        registry = await read_registry(kafka, topics, people)
    except BusError:
        return [CheckResult("review", None, "not looked at: Kafka is not reachable")]
    return [*_service(members, group), *_reviewers(section, registry)]


def _service(members: int, group: str) -> Iterator[CheckResult]:
    if members:
        yield CheckResult(
            "review", True, f"cases are kept by {count(members, 'member')} of the group {group}"
        )
    else:
        problem = "nobody keeps the cases that wait for a person: they wait for the service too"
        yield CheckResult("review", False, problem, "pointsman run review")


def _reviewers(section: ReviewSection, registry: RegistryHistory) -> Iterator[CheckResult]:
    may = {
        queue
        for person in registry.agents.values()
        if person.state == "active"
        for queue in person.entry.reviews or ()
    }
    for queue in section.queues:
        if queue.name not in may:
            yield CheckResult(
                "review",
                False,
                f"nobody may decide the cases of queue {queue.name}: they end when their time is over",
                f"agents.yaml: - {{id: NAME, owner: TEAM, reviews: [{queue.name}]}}\npointsman agents apply",
            )
