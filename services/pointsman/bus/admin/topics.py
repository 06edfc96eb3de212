"""Makes the cluster's topics match their declarations, in two steps: plan, then apply.

Uses confluent-kafka, which can change one setting of a topic; aiokafka's AlterConfigs resets every setting
that is not named to its default.

Invariants:
- Nothing is ever deleted: a topic with more partitions than declared is reported and left alone.
- If two processes apply at once, both succeed, with the same topics.
"""

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lacks an __all__
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from pointsman.bus.admin import rdkafka
from pointsman.bus.admin.topic_changes import Change, ExistingTopic, changes
from pointsman.bus.errors import BusError
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.topic import Topic
from pointsman_schemas.topics import Topics

#: Time limit for `apply`, in seconds.
_APPLY_S = 30.0
_DONE_BY_ANOTHER = {KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.INVALID_PARTITIONS}


async def plan(
    settings: KafkaPart, topics: Iterable[Topic], *, replication: int | None = None
) -> list[Change]:
    """Return the changes that make the cluster's topics match `topics`, in their order.

    `replication`: of new topics; by default 3, or the number of brokers if that is less.

    Raises:
        KafkaUnavailableError, BusError: the cluster did not answer, or refused.
    """
    return await _plan(settings, await rdkafka.admin(settings), list(topics), replication)


async def tiers_there(settings: KafkaPart, topics: Topics) -> list[str]:
    """Return the names of the tiers that have a topic in the cluster.

    Raises:
        KafkaUnavailableError, BusError: the cluster did not answer.
    """
    cluster = await rdkafka.list_topics(settings, await rdkafka.admin(settings))
    first = topics.tier("").name
    return sorted(
        name.removeprefix(first) for name in cluster.topics if name.startswith(first) and name != first
    )


async def apply(
    settings: KafkaPart, topics: Iterable[Topic], *, replication: int | None = None
) -> list[Change]:
    """Carry out `plan`, and return the changes made by this call. Repeated and concurrent calls are safe.

    Raises:
        KafkaUnavailableError, BusError: the cluster did not answer, or refused.
    """
    admin = await rdkafka.admin(settings)
    declared = list(topics)
    done: dict[tuple[str, str], Change] = {}
    give_up = time.monotonic() + _APPLY_S
    while True:
        # Plan again until nothing is left, as brokers learn of a change one after another.
        to_do = [change for change in await _plan(settings, admin, declared, replication) if change.to_do]
        if not to_do:
            return list(done.values())
        if time.monotonic() > give_up:
            detail = to_do[0].detail
            raise BusError(f"Kafka at {settings.kafka} accepted the change but did not make it: {detail}")
        for change in to_do:
            if await _carry_out(settings, admin, change):
                done.setdefault((change.topic, change.kind), change)
        await asyncio.sleep(0.1)


async def _plan(
    settings: KafkaPart, admin: AdminClient, declared: list[Topic], replication: int | None
) -> list[Change]:
    cluster = await rdkafka.list_topics(settings, admin)
    partitions_of = {
        topic.name: cluster.topics[topic.name].partitions
        for topic in declared
        if topic.name in cluster.topics
    }
    configs = await _configs(settings, admin, list(partitions_of))
    existing = {
        name: ExistingTopic(len(partitions), len(partitions[0].replicas), configs[name])
        for name, partitions in partitions_of.items()
        if partitions
    }
    copies = replication or min(3, len(cluster.brokers))
    return [change for topic in declared for change in changes(topic, existing.get(topic.name), copies)]


async def _configs(settings: KafkaPart, admin: AdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    futures = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, name) for name in names], request_timeout=rdkafka.REQUEST_S
    )
    overrides = {}
    for resource, answer in futures.items():
        entries = await rdkafka.answer(settings, answer)
        overrides[resource.name] = {
            name: entry.value
            for name, entry in entries.items()
            if ConfigSource(entry.source) is ConfigSource.DYNAMIC_TOPIC_CONFIG
        }
    return overrides


async def _carry_out(settings: KafkaPart, admin: AdminClient, change: Change) -> bool:
    """Make a change; return False if another process had made it already."""
    futures: dict[Any, Future[None]]
    match change.kind:
        case "create":
            new = NewTopic(change.topic, change.partitions, change.replication, config=dict(change.config))
            futures = admin.create_topics([new], request_timeout=rdkafka.REQUEST_S)
        case "partitions":
            new_partitions = NewPartitions(change.topic, change.partitions)
            futures = admin.create_partitions([new_partitions], request_timeout=rdkafka.REQUEST_S)
        case _:
            entries = [
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in change.config.items()
            ]
            resource = ConfigResource(ResourceType.TOPIC, change.topic, incremental_configs=entries)
            futures = admin.incremental_alter_configs([resource], request_timeout=rdkafka.REQUEST_S)
    return await rdkafka.carried_out(settings, futures.values(), already=_DONE_BY_ANOTHER)
