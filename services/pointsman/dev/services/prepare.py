"""Create what services expect on their servers: topics, registry, database schema, logins."""

from pathlib import Path

from pointsman.bus.admin.topics import apply
from pointsman.dev.services.logins import make_logins
from pointsman.dev.services.secure_logins import SecureLogins
from pointsman.registry.agents_file import load
from pointsman.registry.publish import apply_file
from pointsman.runtime.settings import KafkaPart
from pointsman.store.migrate import create_database_if_missing, migrate
from pointsman_schemas.topics import Topics

_TOPICS = Topics()


async def prepare(
    kafka: KafkaPart,
    owner: str,
    tiers: tuple[str, ...],
    agents: Path,
    logins: SecureLogins | None,
    *,
    topics: Topics = _TOPICS,
    by: str = "pointsman/dev",
) -> None:
    """Create everything; safe to repeat. `owner` is the address of the database's owner.

    `agents` is the file of agents; `logins`, if given, name another one. `by` is recorded as author of the
    registry.
    Raises:
        BusError, StoreError: a server refuses.
        FileError: the file of agents is invalid.
    """
    await apply(kafka, topics.all(tiers))
    file = load(logins.agents if logins else agents, tiers)
    if logins is not None:
        await logins.register(file)
    else:
        await apply_file(kafka, topics, file, by=by)
    await create_database_if_missing(owner)
    await migrate(owner)
    await (logins.make() if logins else make_logins(owner))
