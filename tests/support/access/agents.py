"""Entries of agents that have a Kafka login."""

from pointsman_schemas.control.registry import AgentEntry


def entry_of(id: str, jobs_per_minute: int | None = None, max_chars: int | None = None) -> AgentEntry:
    """Return an entry with the fields from which quotas are derived."""
    return AgentEntry(id=id, owner="tests", jobs_per_minute=jobs_per_minute, max_chars=max_chars)
