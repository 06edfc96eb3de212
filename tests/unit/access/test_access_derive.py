"""Each principal's rights follow from the topics, tiers and agents, and are minimal."""

import pytest

from pointsman.access.derive import Access, derive
from pointsman.audit.settings import AuditSettings
from pointsman.bus.admin.acl import Acl
from pointsman.bus.produce.transactional_ids import transactional_id
from pointsman.router.settings import RouterSettings
from pointsman.runtime.errors import CommandError
from pointsman.store.roles import AUDITOR, CLAIMS, WRITER
from pointsman.worker.settings import WorkerSettings
from pointsman_schemas.topics import Topics
from tests.support.access.agents import entry_of
from tests.support.access.authorizer import CLUSTER, allowed

TOPICS = Topics("p")
TIERS = ("small", "small-eu", "frontier")


AGENTS = (entry_of("reader"), entry_of("reader-2", 60, 1000))


@pytest.fixture(scope="module")
def access() -> Access:
    return derive(TOPICS, TIERS, AGENTS, cascade=("small", "frontier"))


def may(access: Access, user: str, resource: str, name: str, operation: str) -> bool:
    return allowed(access.acls, f"p.{user}", resource, name, operation)  # type: ignore[arg-type]


def test_each_service_each_tier_and_each_agent_logs_in_as_itself(access: Access) -> None:
    assert access.users == (
        "p.router",
        "p.opinion",
        "p.review",
        "p.gateway",
        "p.audit",
        "p.operator",
        "p.reviewer",
        "p.registry",
        "p.auditor",
        "p.worker.small",
        "p.worker.small-eu",
        "p.worker.frontier",
        "p.agent.reader",
        "p.agent.reader-2",
    )


def test_a_services_user_is_named_like_its_consumer_group() -> None:
    assert RouterSettings(prefix="p").opinion_group == "p.opinion"
    assert WorkerSettings(prefix="p", tier="small").group == "p.worker.small"
    assert AuditSettings(prefix="p").prefix == "p"


def test_a_worker_reads_its_own_tier_and_no_other(access: Access) -> None:
    for tier in TIERS:
        for other in TIERS:
            name = TOPICS.tier(other).name
            assert may(access, f"worker.{tier}", "topic", name, "read") is (tier == other)
            assert may(access, f"worker.{tier}", "group", f"p.worker.{other}", "read") is (tier == other)


def test_a_worker_sends_jobs_to_the_tiers_above_it_in_the_cascade(access: Access) -> None:
    sent = {
        (tier, other)
        for tier in TIERS
        for other in TIERS
        if may(access, f"worker.{tier}", "topic", TOPICS.tier(other).name, "write")
    }
    assert sent == {("small", "frontier")}


def test_without_a_cascade_no_worker_sends_jobs_anywhere() -> None:
    acls = derive(TOPICS, TIERS, ()).acls
    assert not [
        acl for acl in acls if "worker" in acl.user and "jobs.tier" in acl.name and acl.operation == "write"
    ]


def test_only_members_of_a_group_commit_its_positions(access: Access) -> None:
    groups = ("router", "opinion", *(f"worker.{tier}" for tier in TIERS))
    for user in (name.removeprefix("p.") for name in access.users):
        for group in groups:
            id = transactional_id(f"p.{group}")
            assert may(access, user, "transactional id", id, "write") is (user == group)


def test_an_agent_publishes_and_reads_its_own_outcomes(access: Access) -> None:
    held = {acl for acl in access.acls if acl.user == "p.agent.reader"}
    assert {(acl.resource, acl.name, acl.pattern, acl.operation) for acl in held} == {
        ("topic", "p.jobs.intake", "literal", "write"),
        ("topic", "p.jobs.control", "literal", "write"),
        ("topic", "p.feedback", "literal", "write"),
        ("topic", "p.agents.results.reader", "literal", "read"),
        ("group", "p.agent.reader", "literal", "read"),
    }


def test_a_gateway_publishes_and_cancels_jobs_and_reads_outcomes(access: Access) -> None:
    held = {acl for acl in access.acls if acl.user == "p.gateway"}
    assert {(acl.resource, acl.name.removeprefix("p."), acl.pattern, acl.operation) for acl in held} == {
        *(("topic", name, "literal", "write") for name in ("jobs.intake", "jobs.control", "reviews.decided")),
        *(
            ("topic", f"gateway.{name}", "literal", operation)
            for name in ("requests", "batches")
            for operation in ("write", "read")
        ),
        *(
            ("topic", name, "literal", "read")
            for name in ("jobs.results", "jobs.chunks", "jobs.dead", "agents.registry", "policy")
        ),
        *(("topic", name, "literal", "read") for name in ("reviews.state", "reviews.answers")),
        # How many wait before a job; their messages are not for it.
        *(("topic", f"jobs.tier.{tier}", "literal", "describe") for tier in TIERS),
        ("group", "router", "literal", "describe"),
        ("group", "worker.", "prefixed", "describe"),
        ("group", "gateway", "literal", "read"),
    }


def test_an_agents_outcomes_are_for_it_and_for_the_audit(access: Access) -> None:
    name = TOPICS.agent_results("reader").name
    readers = [user for user in access.users if allowed(access.acls, user, "topic", name, "read")]
    assert readers == ["p.audit", "p.agent.reader"]


def test_nobody_deletes_or_changes_the_cluster(access: Access) -> None:
    assert not [acl for acl in access.acls if acl.resource == "cluster" or acl.operation in ("all", "delete")]
    assert not may(access, "operator", "cluster", CLUSTER, "alter")
    changes = [acl.user for acl in access.acls if acl.operation in ("create", "alter", "alter configs")]
    assert set(changes) == {"p.operator", "p.registry"}


def test_every_topic_except_short_lived_ones_is_audited() -> None:
    topics = [*TOPICS.all(TIERS), TOPICS.agent_results("reader")]
    assert [topic.name for topic in topics if "audit" not in topic.readers] == [
        "p.jobs.chunks",
        "p.gateway.requests",
    ]


def test_every_declared_writer_and_reader_exists(access: Access) -> None:
    words = frozenset().union(*(principal.words for principal in access.principals))
    declared = {word for topic in access.topics for word in (*topic.writers, *topic.readers)}
    assert declared <= words


def test_only_the_audit_inserts_rows_and_only_readers_read(access: Access) -> None:
    assert access.logins == {
        "p.audit": WRITER,
        "p.auditor": AUDITOR,
        "p.operator": AUDITOR,
        "p.gateway": AUDITOR,
    }


def test_services_with_large_values_have_a_postgres_login_for_them() -> None:
    logins = derive(TOPICS, ("small",), AGENTS, claims_in_postgres=True).logins
    keeps = [name for name, role in logins.items() if role == CLAIMS]
    assert keeps == ["p.router", "p.opinion", "p.review", "p.gateway", "p.worker.small"]


def test_agents_have_quotas_by_their_rates_and_services_have_none(access: Access) -> None:
    assert set(access.quotas) == {"p.agent.reader", "p.agent.reader-2"}
    slow = access.quotas["p.agent.reader-2"]["producer_byte_rate"]
    assert 0 < slow < access.quotas["p.agent.reader"]["producer_byte_rate"]


def test_agents_with_colliding_topic_names_are_refused() -> None:
    with pytest.raises(CommandError, match=r"a\.b and .*a_b"):
        derive(TOPICS, TIERS, (entry_of("a.b"), entry_of("a_b")))


def test_a_prefix_that_is_too_long_for_postgres_is_refused() -> None:
    with pytest.raises(CommandError, match="too long"):
        derive(Topics("p" * 60), TIERS, ())


def test_an_acl_covers_the_same_as_in_kafka() -> None:
    reads = Acl("User:u", "topic", "p.", "prefixed", "read")
    assert allowed([reads], "u", "topic", "p.x", "describe")
    assert not allowed([reads], "u", "topic", "q.x", "read")
    assert not allowed([reads], "u", "group", "p.x", "read")
    assert not allowed([reads], "v", "topic", "p.x", "read")
    assert not allowed([reads], "u", "cluster", CLUSTER, "idempotent write")
    writes = Acl("User:u", "topic", "p.x", "literal", "write")
    assert allowed([writes], "u", "cluster", CLUSTER, "idempotent write")
    assert not allowed([writes], "u", "topic", "p.x.y", "write")
