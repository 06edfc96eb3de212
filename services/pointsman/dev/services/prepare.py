"""What services find on their servers: topics, the registry, the database, and who logs in to it."""

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
    """Make it all; safe to repeat. `owner`: of the database; `agents`: the file, unless there are `logins`.

    `by`: who is said to have made the registry so.

    Raises:
        BusError, StoreError: a server refuses.
        FileError: the file of agents is none.
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
