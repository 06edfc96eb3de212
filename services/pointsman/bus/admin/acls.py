"""Lists, adds and removes a cluster's ACLs."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any, TypeVar, get_args

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it lacks an __all__
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from pointsman.bus.admin import rdkafka
from pointsman.bus.admin.acl import Acl, Operation, Pattern, Resource
from pointsman.runtime.settings import KafkaPart

T = TypeVar("T")

_RESOURCES: dict[Resource, ResourceType] = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.BROKER,
}
_PATTERNS: dict[Pattern, ResourcePatternType] = {
    "literal": ResourcePatternType.LITERAL,
    "prefixed": ResourcePatternType.PREFIXED,
}
_OPERATIONS: dict[Operation, AclOperation] = {
    operation: AclOperation[operation.upper().replace(" ", "_")] for operation in get_args(Operation)
}


async def list_acls(settings: KafkaPart) -> frozenset[Acl]:
    """Return all rules about topics, groups, transactional ids and the cluster.

    Raises:
        KafkaUnavailableError, BusError: the cluster did not answer, or refused.
    """
    admin = await rdkafka.admin(settings)
    await rdkafka.demand(settings, admin, AclOperation.DESCRIBE)
    any_text: Any = None  # the client accepts None, which its types forbid
    everything = AclBindingFilter(
        ResourceType.ANY, any_text, ResourcePatternType.ANY, any_text, any_text, AclOperation.ANY,
        AclPermissionType.ANY,
    )  # fmt: skip
    future = admin.describe_acls(everything, request_timeout=rdkafka.REQUEST_S)
    bindings = await rdkafka.answer(settings, future)
    return frozenset(_read(binding) for binding in bindings if binding.restype in _RESOURCES.values())


async def add_acls(settings: KafkaPart, acls: Collection[Acl]) -> None:
    """Add rules. Raises: as `list_acls`."""
    if acls:
        admin = await rdkafka.admin(settings)
        futures = admin.create_acls(
            [AclBinding(*_fields(acl)) for acl in sorted(acls)], request_timeout=rdkafka.REQUEST_S
        )
        await asyncio.gather(*(rdkafka.answer(settings, future) for future in futures.values()))


async def remove_acls(settings: KafkaPart, acls: Collection[Acl]) -> None:
    """Remove rules; missing ones are ignored. Raises: as `list_acls`."""
    if acls:
        admin = await rdkafka.admin(settings)
        futures = admin.delete_acls(
            [AclBindingFilter(*_fields(acl)) for acl in sorted(acls)], request_timeout=rdkafka.REQUEST_S
        )
        await asyncio.gather(*(rdkafka.answer(settings, future) for future in futures.values()))


def _fields(
    acl: Acl,
) -> tuple[ResourceType, str, ResourcePatternType, str, str, AclOperation, AclPermissionType]:
    return (
        _RESOURCES[acl.resource],
        acl.name,
        _PATTERNS[acl.pattern],
        acl.principal,
        acl.host,
        _OPERATIONS[acl.operation],
        AclPermissionType.DENY if acl.permission == "deny" else AclPermissionType.ALLOW,
    )


def _read(binding: AclBinding) -> Acl:
    return Acl(
        binding.principal,
        _key_of(_RESOURCES, binding.restype),
        binding.name,
        _key_of(_PATTERNS, binding.resource_pattern_type),
        _key_of(_OPERATIONS, binding.operation),
        "deny" if binding.permission_type == AclPermissionType.DENY else "allow",
        binding.host,
    )


def _key_of(table: Mapping[T, object], theirs: object) -> T:
    return next(name for name, value in table.items() if value == theirs)
