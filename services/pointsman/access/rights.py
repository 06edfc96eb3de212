"""What each principal may do in Kafka, derived from the topics' declared writers and readers; pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from pointsman.access.principals import Principal, Role
from pointsman.bus.admin.acl import Acl, Operation
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

#: Who reads every topic by the installation's prefix, so that a new one is not missed.
_READ_ALL: tuple[Role, ...] = ("audit",)
#: What `pointsman topics apply` does; deleting is for nobody.
_KEEPS_TOPICS: tuple[Operation, ...] = ("create", "alter", "describe configs", "alter configs")


def acls(
    topics: Topics, tiers: Sequence[str], users: Iterable[Principal], cascade: Sequence[str] = ()
) -> frozenset[Acl]:
    """All of them. `cascade`: the tiers of the policy's, in the order in which they are asked."""
    users = list(users)
    agents = [user.part for user in users if user.role == "agent"]
    declared = all_topics(topics, tiers, agents)
    return frozenset(acl for user in users for acl in _of(user, topics, declared, cascade))


def all_topics(topics: Topics, tiers: Sequence[str], agents: Collection[str]) -> list[Topic]:
    """Every topic of an installation, with one for the outcomes of each agent that has a login."""
    return [*topics.all(tiers), *map(topics.agent_results, sorted(agents))]


def _of(user: Principal, topics: Topics, declared: Sequence[Topic], cascade: Sequence[str]) -> Iterator[Acl]:
    agents_own = topics.agent_results("").name
    for topic in declared:
        if user.words & set(topic.writers) and _may_reach(user, topics, topic, cascade):
            yield user.may("topic", topic.name, "write")
        if user.words & set(topic.readers) and user.role not in _READ_ALL:
            yield user.may("topic", topic.name, "read")
        if user.role == "gateway" and topic.name.startswith(
            topics.tier("").name
        ):  # how many wait before a job
            yield user.may("topic", topic.name, "describe")
        # By name, not by prefix: what may be altered may be seen, and an agent's own is not for operators.
        if user.role == "operator" and not topic.name.startswith(agents_own):
            yield user.may("topic", topic.name, "read")
            for operation in _KEEPS_TOPICS:
                yield user.may("topic", topic.name, operation)
    if user.role in _READ_ALL:
        yield user.may("topic", f"{topics.prefix}.", "read", "prefixed")
    if user.role == "registry":  # it makes the topics of the agents that it registers
        for operation in _KEEPS_TOPICS:
            yield user.may("topic", agents_own, operation, "prefixed")
    yield from user.beside_topics


def _may_reach(user: Principal, topics: Topics, topic: Topic, cascade: Sequence[str]) -> bool:
    """A worker sends a job on to later tiers of a cascade that its own is part of, and to no others."""
    if user.role != "worker" or not topic.name.startswith(topics.tier("").name):
        return True
    later = cascade[cascade.index(user.part) + 1 :] if user.part in cascade else ()
    return any(topic.name == topics.tier(tier).name for tier in later)
