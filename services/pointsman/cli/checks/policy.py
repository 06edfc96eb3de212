"""Check what a policy depends on: registered agents, a trusted score, second opinions, reviewers."""

from collections.abc import Iterator

from pointsman.bus.admin.members import count_members
from pointsman.bus.errors import BusError
from pointsman.cli.checks.finding import CheckResult
from pointsman.cli.formats import count
from pointsman.identity.verify import AgentKeys
from pointsman.registry.follow import read_registry
from pointsman.registry.registry import RegistryHistory
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.router.policy.review_section import ReviewSection
from pointsman.router.trusting import calibration_of
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topics import Topics


async def registry(kafka: KafkaPart, topics: Topics, people: AgentKeys | None) -> CheckResult:
    """Check that the registry exists, as routers wait for it."""
    try:
        standing = (await read_registry(kafka, topics, people)).registry
    except BusError as error:
        return CheckResult("agents", None, f"the registry cannot be read: {error}")
    if standing is None:
        problem = "the registry is empty: routers wait for it"
        return CheckResult("agents", False, problem, "pointsman agents apply")
    active = sum(agent.state == "active" for agent in standing.agents.values())
    others = "are admitted" if standing.admits_unregistered else "are rejected"
    return CheckResult(
        "agents", True, f"{active} active, others {others}, identity {standing.rules.identity}"
    )


async def opinion(kafka: KafkaPart, group: str, policy: PolicyFile | None) -> list[CheckResult]:
    """Check that a process gives second opinions, if the policy asks for them."""
    section = None if policy is None or policy.score is None else policy.score.opinion
    if section is None:
        return []
    try:
        members = await count_members(kafka, group)
    except BusError:
        return [CheckResult("opinion", None, "not looked at: Kafka is not reachable")]
    if members:
        text = f"second opinions are given by {count(members, 'member')} of the group {group}"
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


async def score(kafka: KafkaPart, topics: Topics, policy: PolicyFile | None) -> list[CheckResult]:
    """Check whether routers have suspended the policy's score, if it has one."""
    if policy is None or policy.score is None:
        return []
    try:
        calibration = await calibration_of(kafka, topics, Policy.compile(policy))
    except BusError:
        return [CheckResult("score", None, "not looked at: Kafka is not reachable, or lacks topics")]
    if calibration.suspended is None:
        return [CheckResult("score", True, f"{calibration.model} is asked, no verdicts are held against it")]
    return [
        CheckResult(
            "score",
            False,
            f"{calibration.model} is not asked: {calibration.suspended.detail}",
            "pointsman learn            # a new one, from the verdicts; start the routers with its policy\n"
            "pointsman policy trust     # or ask this one again: the verdicts so far count no more",
        )
    ]


async def review(
    kafka: KafkaPart, topics: Topics, policy: PolicyFile | None, people: AgentKeys | None
) -> list[CheckResult]:
    """Check the review service and each queue's reviewers, if the policy asks people."""
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
