"""Every combination of principal, resource and operation, with whether the derived ACLs allow it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from pointsman.access.derive import Access
from pointsman.bus.admin.acl import Operation, Resource
from pointsman.bus.produce.transactional_ids import transactional_id
from pointsman.bus.protocol.transaction_requests import Packed
from tests.support.access import requests
from tests.support.access.authorizer import CLUSTER, allowed

#: Kafka's internal topics, and one of another application.
OTHERS = ("__consumer_offsets", "__transaction_state", "elsewhere.jobs")


@dataclass(frozen=True, slots=True)
class Cell:
    user: str
    resource: Resource
    name: str
    operation: Operation
    allowed: bool
    request: Packed

    def __str__(self) -> str:
        return f"{self.user}: {self.operation} {self.resource} {self.name}"


def cells(access: Access, ids: Mapping[str, UUID]) -> Iterator[Cell]:
    """Yields every combination. `ids`: the ids of existing topics."""
    topics = [*(topic.name for topic in access.topics), *OTHERS]
    members = [
        user.name for user in access.principals if user.role not in ("registry", "auditor", "operator")
    ]
    transactional = [transactional_id(name) for name in members]
    for user in access.users:
        tries: list[tuple[Resource, str, Operation, Packed]] = [
            *(("topic", topic, *tried) for topic in topics for tried in _of_topic(topic, ids)),
            *(("group", name, *tried) for name in (*members, "elsewhere") for tried in _of_group(name)),
            *(("transactional id", id, *tried) for id in transactional for tried in _of_transactions(id)),
            *(("cluster", CLUSTER, *tried) for tried in _of_cluster(user)),
        ]
        for resource, name, operation, request in tries:
            may = allowed(access.acls, user, resource, name, operation)
            yield Cell(user, resource, name, operation, may, request)


def _of_topic(topic: str, ids: Mapping[str, UUID]) -> list[tuple[Operation, Packed]]:
    return [
        ("write", requests.produce(topic)),
        ("read", requests.fetch(topic, ids)),
        ("describe", requests.list_offsets(topic)),
        ("delete", requests.delete_records(topic)),
        ("delete", requests.delete_topic(topic)),
        ("create", requests.create_topic(topic)),
        ("alter", requests.create_partitions(topic)),
        ("alter configs", requests.alter_configs(requests.TOPIC, topic)),
        ("describe configs", requests.describe_configs(requests.TOPIC, topic)),
    ]


def _of_group(group: str) -> list[tuple[Operation, Packed]]:
    return [
        ("read", requests.heartbeat(group)),
        ("describe", requests.committed_offsets(group)),
        ("delete", requests.delete_group(group)),
    ]


def _of_transactions(id: str) -> list[tuple[Operation, Packed]]:
    return [
        ("write", requests.init_producer(id)),
        ("describe", requests.find_coordinator(id)),
    ]


def _of_cluster(user: str) -> list[tuple[Operation, Packed]]:
    return [
        ("alter", requests.create_acl(user, requests.TOPIC, "thief", requests.READ)),
        ("alter", requests.set_password(user)),
        ("describe", requests.describe_acls()),
        ("describe", requests.describe_users(user)),
        ("create", requests.create_topic("thief.topic")),
        ("alter configs", requests.alter_configs(requests.CLUSTER, "1", "log.retention.ms")),
        ("alter configs", requests.set_quota(user)),
        ("describe configs", requests.describe_configs(requests.CLUSTER, "1")),
        ("cluster action", requests.write_markers("thief.topic")),
        ("idempotent write", requests.init_producer(None)),
    ]
