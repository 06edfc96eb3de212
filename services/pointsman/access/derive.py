"""Derives the rights of an installation's principals from its topics, tiers and agents; pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pointsman.access.principals import Principal, Role, principals
from pointsman.bus.admin.acl import Acl, Operation
from pointsman.runtime.errors import CommandError
from pointsman.store.roles import AUDITOR, CLAIMS, WRITER
from pointsman_schemas.control.registry import AgentEntry
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

#: Roles that read every topic by prefix, so that no new topic is missed.
_READ_ALL: tuple[Role, ...] = ("audit",)
#: Operations for `pointsman topics apply`; no role may delete.
_KEEPS_TOPICS: tuple[Operation, ...] = ("create", "alter", "describe configs", "alter configs")


def _of(user: Principal, topics: Topics, declared: Sequence[Topic], cascade: Sequence[str]) -> Iterator[Acl]:
    agents_own = topics.agent_results("").name
    for topic in declared:
        if user.words & set(topic.writers) and _may_reach(user, topics, topic, cascade):
            yield user.may("topic", topic.name, "write")
        if user.words & set(topic.readers) and user.role not in _READ_ALL:
            yield user.may("topic", topic.name, "read")
        if user.role == "gateway" and topic.name.startswith(
            topics.tier("").name
        ):  # to count the jobs before one
            yield user.may("topic", topic.name, "describe")
        # By name, not by prefix: `alter` implies `describe`, and operators must not see agents' own topics.
        if user.role == "operator" and not topic.name.startswith(agents_own):
            yield user.may("topic", topic.name, "read")
            for operation in _KEEPS_TOPICS:
                yield user.may("topic", topic.name, operation)
    if user.role in _READ_ALL:
        yield user.may("topic", f"{topics.prefix}.", "read", "prefixed")
    if user.role == "registry":  # it creates the topics of registered agents
        for operation in _KEEPS_TOPICS:
            yield user.may("topic", agents_own, operation, "prefixed")
    yield from user.beside_topics


def _may_reach(user: Principal, topics: Topics, topic: Topic, cascade: Sequence[str]) -> bool:
    """Return whether the user may write it: a worker, only to later tiers of a cascade that has its tier."""
    if user.role != "worker" or not topic.name.startswith(topics.tier("").name):
        return True
    later = cascade[cascade.index(user.part) + 1 :] if user.part in cascade else ()
    return any(topic.name == topics.tier(tier).name for tier in later)


#: Postgres truncates longer names.
_LONGEST_LOGIN = 63


@dataclass(frozen=True, slots=True)
class Access:
    """The rights that should exist. `quotas`: by user; `logins`: the role of each Postgres user."""

    prefix: str
    principals: tuple[Principal, ...]
    topics: tuple[Topic, ...]
    acls: frozenset[Acl]
    quotas: Mapping[str, Mapping[str, float]]
    logins: Mapping[str, str]

    @property
    def agent_topics(self) -> tuple[Topic, ...]:
        """The topics that exist only because agents have a Kafka login."""
        of_agents = {user.part for user in self.principals if user.role == "agent"}
        names = {Topics(self.prefix).agent_results(agent).name for agent in of_agents}
        return tuple(topic for topic in self.topics if topic.name in names)

    @property
    def users(self) -> tuple[str, ...]:
        """The users that log in to Kafka."""
        return tuple(principal.name for principal in self.principals)


def derive(
    topics: Topics,
    tiers: Sequence[str],
    agents: Iterable[AgentEntry],
    *,
    cascade: Sequence[str] = (),
    claims_in_postgres: bool = False,
) -> Access:
    """Derive the rights. `agents`: those that have a Kafka login and may act.

    `cascade`: the tiers of the policy's cascade, in order. `claims_in_postgres`: large values are kept in the
    audit's database.

    Raises:
        CommandError: Kafka or Postgres could not tell two names apart.
    """
    listed = sorted(agents, key=lambda agent: agent.id)
    users = principals(topics.prefix, tiers, [agent.id for agent in listed])
    declared = [*topics.all(tiers), *(topics.agent_results(agent.id) for agent in listed)]
    _distinct(declared)
    by_name = {user.part: user.name for user in users if user.role == "agent"}
    logins = dict(_logins(users, claims_in_postgres))
    for name in logins:
        if len(name.encode()) > _LONGEST_LOGIN:
            raise CommandError(
                f"`{name}` is too long for a user of Postgres", "choose a shorter prefix or tier"
            )
    return Access(
        topics.prefix,
        tuple(users),
        tuple(declared),
        frozenset(acl for user in users for acl in _of(user, topics, declared, cascade)),
        {by_name[agent.id]: quotas(agent.jobs_per_minute, agent.max_chars) for agent in listed},
        logins,
    )


def _logins(users: Iterable[Principal], claims: bool) -> Iterable[tuple[str, str]]:
    for user in users:
        match user.role:
            case "audit":
                yield user.name, WRITER
            case "auditor" | "operator":
                yield user.name, AUDITOR
            case "router" | "opinion" | "worker" | "review" | "gateway" if claims:
                yield user.name, CLAIMS
            case "gateway":  # it looks up outcomes that are no longer in Kafka
                yield user.name, AUDITOR
            case _:
                pass


def _distinct(declared: Iterable[Topic]) -> None:
    """Check the names: Kafka refuses two that differ only in `.` and `_`."""
    seen: dict[str, str] = {}
    for topic in declared:
        other = seen.setdefault(topic.name.replace("_", "."), topic.name)
        if other != topic.name:
            raise CommandError(
                f"Kafka takes {other} and {topic.name} for the same topic",
                "give one of the agents another id",
            )


#: Kafka's names of quotas: bytes per second, and per cent of one thread of a broker.
PRODUCED, CONSUMED, REQUESTS = "producer_byte_rate", "consumer_byte_rate", "request_percentage"

_KIB = 1024
#: Quotas of an agent without a rate of its own.
_PRODUCED = 2 * 1024 * _KIB
_CONSUMED = 8 * 1024 * _KIB
_REQUESTS = 25
#: Bytes per job of an agent with a rate, and the lower limit of its quota.
_PER_JOB = 64 * _KIB
_LEAST = 64 * _KIB
_PER_CHAR = 4


def quotas(jobs_per_minute: int | None, max_chars: int | None) -> Mapping[str, float]:
    """Return the quotas of an agent from its entry's limits; the router refuses jobs beyond its rate."""
    produced = _PRODUCED
    if jobs_per_minute is not None:
        per_job = _PER_JOB if max_chars is None else max_chars * _PER_CHAR + 4 * _KIB
        produced = min(_PRODUCED, max(_LEAST, jobs_per_minute * per_job // 60))
    return {PRODUCED: float(produced), CONSUMED: float(_CONSUMED), REQUESTS: float(_REQUESTS)}
