"""Transactional ids begin with the group's name, so that an ACL can allow one group's processes."""

from uuid import uuid4


def transactional_ids(group: str) -> str:
    """Return the prefix of the transactional ids of a group's processes.

    It ends with a character that no group's name has, so that `worker.small` and `worker.small-eu` differ.
    """
    return f"{group}/"


def transactional_id(group: str) -> str:
    """Return a new id for one process: fencing is done by the group, not by the transactional id."""
    return f"{transactional_ids(group)}{uuid4()}"
