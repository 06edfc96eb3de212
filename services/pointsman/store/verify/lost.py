"""What no lane read, as retention deleted it before: findings of a verification."""

from pointsman.store.connect import Connection
from pointsman.store.sql import query
from pointsman.store.verify.findings import Finding, Wrong


async def lost_records(connection: Connection) -> list[Finding]:
    """What the audit itself did not read, and what routers and workers say that they did not."""
    return [
        Finding(Wrong.LOST, row["said"], row["topic"], row["partition"], row["offset"])
        for row in await connection.fetch(query("lost"))
    ]
