"""Attacks on Kafka with a login of another role: the broker refuses each of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import pytest

from pointsman.bus.protocol.transaction_requests import Packed
from tests.support.access import requests
from tests.support.access.installation import PREFIX, Guarded
from tests.support.access.session import REFUSED, Session

pytestmark = [pytest.mark.stack, pytest.mark.slow]

Ids = Mapping[str, UUID]
_OFFSETS, _TRANSACTIONS = "__consumer_offsets", "__transaction_state"
_ROUTER, _FENCED = f"{PREFIX}.router", f"{PREFIX}.router/00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Attack:
    """The attacker's role, what the attack does, and its request."""

    thief: str
    what: str
    request: Callable[[Ids], Packed]

    def __str__(self) -> str:
        return f"{self.thief}: {self.what}"


def topic(name: str) -> str:
    return f"{PREFIX}.{name}"


def _writes(thief: str, description: str, name: str) -> Attack:
    return Attack(thief, description, lambda _: requests.produce(topic(name)))


def _reads(thief: str, description: str, name: str) -> Attack:
    return Attack(thief, description, lambda ids: requests.fetch(topic(name), ids))


def _asks(thief: str, description: str, request: Packed) -> Attack:
    return Attack(thief, description, lambda _: request)


AGENT, OTHER = "agent.reader", "agent.reader-2"
ATTACKS = (
    # Other agents' jobs and outcomes.
    _reads(AGENT, "read everybody's outcomes", "jobs.results"),
    _reads(AGENT, "read another agent's outcomes", "agents.results.reader-2"),
    _reads(OTHER, "read the outcomes of an agent whose id begins its own", "agents.results.reader"),
    _reads(AGENT, "read others' prompts", "jobs.intake"),
    _reads(AGENT, "read routed jobs", "jobs.tier.small"),
    _reads(AGENT, "read the provider calls", "calls"),
    _reads(AGENT, "read the dead letters", "jobs.dead"),
    _reads(AGENT, "read what others think of answers", "feedback"),
    _reads(AGENT, "read who cancelled what", "jobs.control"),
    _asks(AGENT, "ask how many outcomes there are", requests.list_offsets(topic("jobs.results"))),
    _asks(AGENT, "ask at which epoch the outcomes end", requests.leader_and_epoch(topic("jobs.results"))),
    _asks(AGENT, "ask who writes the outcomes", requests.describe_producers(topic("jobs.results"))),
    Attack(
        AGENT,
        "copy the outcomes as a broker does",
        lambda ids: requests.fetch_as_follower(topic("jobs.results"), ids),
    ),
    # Records that only other roles may write.
    _writes(AGENT, "forge an outcome", "jobs.results"),
    _writes(AGENT, "forge another agent's outcome", "agents.results.reader-2"),
    _writes(AGENT, "forge its own outcome", "agents.results.reader"),
    _writes(AGENT, "route its own job to the dearest tier", "jobs.tier.frontier"),
    _writes(AGENT, "forge a second opinion's question", "jobs.opinion"),
    _writes(AGENT, "forge a provider call", "calls"),
    _writes(AGENT, "forge a dead letter", "jobs.dead"),
    _writes(AGENT, "lift its limits", "limits"),
    _writes(AGENT, "change the policy", "policy"),
    _writes(AGENT, "forge a checkpoint of the record", "audit.checkpoints"),
    Attack(
        AGENT,
        "forge an outcome with the router's headers",
        lambda _: requests.produce(topic("jobs.results"), headers={"ce_source": b"pointsman/router"}),
    ),
    # Kafka's internal topics.
    Attack(AGENT, "read all groups' positions", lambda ids: requests.fetch(_OFFSETS, ids)),
    _asks(AGENT, "write a group's position itself", requests.produce(_OFFSETS)),
    Attack(AGENT, "read all transactions", lambda ids: requests.fetch(_TRANSACTIONS, ids)),
    _asks(AGENT, "end a transaction in the log", requests.produce(_TRANSACTIONS)),
    _asks(AGENT, "delete all groups' positions", requests.delete_records(_OFFSETS)),
    _asks(AGENT, "delete Kafka's own topic", requests.delete_topic(_OFFSETS)),
    _asks(
        AGENT, "have Kafka's own topic kept for a second", requests.alter_configs(requests.TOPIC, _OFFSETS)
    ),
    # Other principals' consumer groups.
    _asks(AGENT, "join the router's group", requests.join_group(_ROUTER)),
    _asks(AGENT, "stay in the router's group", requests.heartbeat(_ROUTER)),
    _asks(AGENT, "put the router out of its group", requests.leave_group(_ROUTER)),
    _asks(AGENT, "move the router's position", requests.commit_offsets(_ROUTER, topic("jobs.intake"))),
    _asks(AGENT, "read the router's position", requests.committed_offsets(_ROUTER)),
    _asks(AGENT, "see who the routers are", requests.describe_group(_ROUTER)),
    _asks(AGENT, "delete the router's group", requests.delete_group(_ROUTER)),
    _asks(AGENT, "join a group whose name its own begins", requests.join_group(topic("agent.reader-2"))),
    _asks(AGENT, "join the audit's group", requests.join_group(topic("audit"))),
    # Other principals' transactions.
    _asks(AGENT, "fence the router", requests.init_producer(_FENCED)),
    _asks(AGENT, "fence with an id of its own making", requests.init_producer("thief")),
    _asks(AGENT, "end the router's transaction", requests.end_transaction(_FENCED)),
    _asks(AGENT, "find the router's coordinator", requests.find_coordinator(_FENCED)),
    _asks(AGENT, "put positions into the router's transaction", requests.add_offsets(_FENCED, _ROUTER)),
    _asks(
        AGENT,
        "move the router's position in a transaction",
        requests.commit_in_transaction(_FENCED, _ROUTER, topic("jobs.intake")),
    ),
    _asks(AGENT, "look at the router's transaction", requests.describe_transaction(_FENCED)),
    _asks(AGENT, "mark a transaction as ended", requests.write_markers(topic("jobs.results"))),
    # The topics themselves.
    _asks(AGENT, "delete what was published", requests.delete_records(topic("jobs.intake"))),
    _asks(AGENT, "delete the topic it publishes to", requests.delete_topic(topic("jobs.intake"))),
    _asks(AGENT, "delete its own outcomes", requests.delete_records(topic("agents.results.reader"))),
    _asks(AGENT, "make a topic", requests.create_topic(topic("agents.inbox.reader"))),
    _asks(AGENT, "make more partitions", requests.create_partitions(topic("jobs.intake"))),
    _asks(
        AGENT,
        "have outcomes kept for a second",
        requests.alter_configs(requests.TOPIC, topic("jobs.results")),
    ),
    _asks(AGENT, "read a topic's settings", requests.describe_configs(requests.TOPIC, topic("jobs.intake"))),
    _asks(AGENT, "move a partition", requests.reassign(topic("jobs.intake"))),
    _asks(AGENT, "have a leader elected", requests.elect_leaders(topic("jobs.intake"))),
    # The cluster.
    _asks(
        AGENT,
        "let itself read outcomes",
        requests.create_acl(topic(AGENT), requests.TOPIC, topic("jobs.results"), requests.READ),
    ),
    _asks(AGENT, "take others' rights away", requests.delete_acls(_ROUTER)),
    _asks(AGENT, "see who may do what", requests.describe_acls()),
    _asks(AGENT, "give the router another password", requests.set_password(_ROUTER)),
    _asks(AGENT, "give the super user another password", requests.set_password(topic("admin"))),
    _asks(AGENT, "give itself another password", requests.set_password(topic(AGENT))),
    _asks(AGENT, "make a user", requests.set_password("thief")),
    _asks(AGENT, "take the router's login away", requests.delete_user(_ROUTER)),
    _asks(AGENT, "see which logins there are", requests.describe_users(_ROUTER)),
    _asks(AGENT, "lift its quota", requests.set_quota(topic(AGENT))),
    _asks(AGENT, "see the others' quotas", requests.describe_quotas()),
    _asks(
        AGENT,
        "change the broker's settings",
        requests.alter_configs(requests.CLUSTER, "1", "log.retention.ms"),
    ),
    _asks(AGENT, "read the broker's settings", requests.describe_configs(requests.CLUSTER, "1")),
    _asks(AGENT, "take a broker out", requests.unregister_broker()),
    _asks(AGENT, "change a feature of the cluster", requests.update_feature()),
    _asks(AGENT, "see the folders of the logs", requests.describe_folders()),
    _asks(AGENT, "move a log into another folder", requests.alter_replica_folders(topic("jobs.intake"))),
    # The services' logins have no more rights than they need.
    _reads("worker.small", "read the frontier's jobs", "jobs.tier.frontier"),
    _reads("worker.small", "read jobs of the tier whose name its own begins", "jobs.tier.small-eu"),
    _asks("worker.small", "join the frontier's group", requests.join_group(topic("worker.frontier"))),
    _asks(
        "worker.small",
        "fence the tier whose name its own begins",
        requests.init_producer(topic("worker.small-eu/00000000-0000-0000-0000-000000000000")),
    ),
    _writes("worker.small", "submit jobs", "jobs.intake"),
    _writes("worker.small", "send a job to a tier beside its cascade", "jobs.tier.small-eu"),
    _writes("worker.frontier", "send a job down", "jobs.tier.small"),
    _reads("worker.small", "read outcomes", "jobs.results"),
    _writes("worker.small", "change the policy", "policy"),
    _reads("router", "read outcomes", "jobs.results"),
    _reads("router", "read what workers were sent", "jobs.tier.small"),
    _writes("router", "forge a provider call", "calls"),
    _writes("router", "forge a checkpoint", "audit.checkpoints"),
    _reads("opinion", "read the intake", "jobs.intake"),
    _writes("audit", "forge an outcome", "jobs.results"),
    _asks("audit", "delete what it does not like", requests.delete_records(topic("jobs.intake"))),
    _asks("audit", "join the router's group", requests.join_group(_ROUTER)),
    _reads("auditor", "read prompts from Kafka", "jobs.intake"),
    _writes("auditor", "forge a checkpoint", "audit.checkpoints"),
    _writes("operator", "forge an outcome", "jobs.results"),
    _writes("operator", "forge a checkpoint", "audit.checkpoints"),
    _asks("operator", "delete a topic", requests.delete_topic(topic("jobs.intake"))),
    _asks("operator", "delete records", requests.delete_records(topic("jobs.intake"))),
    _asks("operator", "join the router's group", requests.join_group(_ROUTER)),
    _asks(
        "operator",
        "let itself do more",
        requests.create_acl(topic("operator"), requests.TOPIC, "*", requests.WRITE),
    ),
    _writes("registry", "submit jobs", "jobs.intake"),
    _reads("registry", "read outcomes", "jobs.results"),
)


async def test_kafka_refuses_every_attack(guarded: Guarded) -> None:
    ids = await guarded.ids()
    through: list[str] = []
    for thief in dict.fromkeys(attack.thief for attack in ATTACKS):
        async with Session(guarded.part(topic(thief))) as session:
            for attack in (attack for attack in ATTACKS if attack.thief == thief):
                code = await session.code(attack.request(ids))
                print(f"  {attack}: {'refused' if code in REFUSED else 'NOT REFUSED'} (code {code})")
                if code not in REFUSED:
                    through.append(f"{attack}: code {code}")
    assert through == []
    assert len(ATTACKS) >= 60
