"""A group member with clients chosen by the test."""

from typing import Any

from pointsman.bus.consume.group_member import GroupMember


def member_of(clients: Any, fetcher: Any = None) -> GroupMember:
    """`clients`: consumer, admin, and the fetcher unless there is one."""
    return GroupMember("group", clients, fetcher or clients, clients, stall_s=20.0)
