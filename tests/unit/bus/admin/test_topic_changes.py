"""A declared topic in Kafka's terms, and the changes that a cluster needs."""

from pointsman.bus.admin.topic_changes import ExistingTopic, changes, wanted_config
from pointsman_schemas.topics import Topics

TOPICS = Topics("t")


def test_only_topics_read_by_key_for_ever_are_compacted() -> None:
    compacted = [topic.name for topic in TOPICS.all(["small"]) if topic.compacted]
    assert compacted == ["t.gateway.batches", "t.reviews.state", "t.policy", "t.agents.registry"]
    policies = {topic.name: wanted_config(topic, 1)["cleanup.policy"] for topic in TOPICS.all(["small"])}
    assert {name for name, policy in policies.items() if policy == "compact"} == set(compacted)
    assert set(policies.values()) == {"compact", "delete"}


def test_a_topic_that_would_lose_its_records_is_configured() -> None:
    deleting = ExistingTopic(1, 1, {**wanted_config(TOPICS.policy, 1), "cleanup.policy": "delete"})
    (change,) = changes(TOPICS.policy, deleting, 1)
    assert (change.kind, dict(change.config)) == ("config", {"cleanup.policy": "compact"})
    (nothing,) = changes(TOPICS.policy, ExistingTopic(1, 1, wanted_config(TOPICS.policy, 1)), 1)
    assert nothing.kind == "none"
