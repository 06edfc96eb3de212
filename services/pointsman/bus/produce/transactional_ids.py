"""Transactional ids begin with the group's name, so that an ACL can allow one group's processes."""

from uuid import uuid4


def transactional_ids(group: str) -> str:
    """How those of a group's processes begin.

    It ends with what no group's name has: those of `worker.small` do not begin as those of `worker.small-eu`.
    """
    return f"{group}/"


def transactional_id(group: str) -> str:
    """One for a process of its own: it is the group that fences, not the transactional id."""
    return f"{transactional_ids(group)}{uuid4()}"
