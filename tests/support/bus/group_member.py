"""A group member with clients chosen by the test."""

from typing import Any

from pointsman.bus.consume.group_member import GroupMember


def member_of(clients: Any, fetcher: Any = None) -> GroupMember:
    """`clients` acts as consumer, admin and, unless another one is given, fetcher."""
    return GroupMember("group", clients, fetcher or clients, clients, stall_s=20.0)
