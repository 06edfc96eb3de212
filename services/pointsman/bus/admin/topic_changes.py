"""Derives the changes that make an existing topic match its declaration: pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Literal

from pointsman_schemas.topic import Topic


@dataclass(frozen=True, slots=True)
class ExistingTopic:
    """A topic of the cluster. `config`: its own settings, without defaults."""

    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """One change to a topic. Kind `fewer` (partitions) is only reported; `none` is no change."""

    topic: str
    kind: Literal["create", "partitions", "config", "fewer", "none"]
    detail: str
    partitions: int = 0
    replication: int = 0
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def to_do(self) -> bool:
        """Whether applying it has an effect."""
        return self.kind in ("create", "partitions", "config")

    def to_json(self) -> dict[str, Any]:
        """Return its fields as JSON."""
        return asdict(self)


def changes(topic: Topic, existing: ExistingTopic | None, replication: int) -> list[Change]:
    """Return one or two changes. `replication`: for a new topic; an existing one keeps its own."""
    if existing is None:
        return [_create(topic, replication)]
    needed_changes = [*_partitions(topic, existing), *_config(topic, existing)]
    return needed_changes or [Change(topic.name, "none", f"{topic.name} is as declared")]


def wanted_config(topic: Topic, replication: int) -> dict[str, str]:
    """Return the declared settings under Kafka's names."""
    config = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(int(topic.retention.total_seconds() * 1000)),
        "max.message.bytes": str(topic.max_message_bytes),
    }
    if topic.retention < timedelta(days=1):  # retention deletes closed segments only
        config["segment.ms"] = config["retention.ms"]
    if topic.broker_time:
        config["message.timestamp.type"] = "LogAppendTime"
    # With three replicas one may be down. With fewer, requiring two would stop all writes when one is down.
    return config | {"min.insync.replicas": "2"} if replication >= 3 else config


def _create(topic: Topic, replication: int) -> Change:
    config = wanted_config(topic, replication)
    words = ", ".join(f"{name}={value}" for name, value in config.items())
    size = f"{topic.partitions} partitions, replication {replication}"
    return Change(
        topic.name, "create", f"create {topic.name}: {size}, {words}", topic.partitions, replication, config
    )


def _partitions(topic: Topic, existing: ExistingTopic) -> list[Change]:
    if existing.partitions < topic.partitions:
        detail = f"add partitions to {topic.name}: {existing.partitions} -> {topic.partitions}"
        return [Change(topic.name, "partitions", detail, topic.partitions)]
    if existing.partitions > topic.partitions:
        detail = (
            f"{topic.name} has {existing.partitions} partitions, declared are {topic.partitions}: left alone"
        )
        return [Change(topic.name, "fewer", detail, existing.partitions)]
    return []


def _config(topic: Topic, existing: ExistingTopic) -> list[Change]:
    # Values equal to the cluster's default are set too, as the default may change.
    declared = wanted_config(topic, existing.replication)
    different = {name: value for name, value in declared.items() if existing.config.get(name) != value}
    if not different:
        return []
    words = (
        f"{name} {existing.config.get(name, '(default)')} -> {value}" for name, value in different.items()
    )
    return [Change(topic.name, "config", f"configure {topic.name}: {', '.join(words)}", config=different)]
