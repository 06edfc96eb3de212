"""What roles may do on the tables of ours, and what that differs in from what the migrations gave them."""

from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.store.connect import connected, fetched, translated
from pointsman.store.roles import ALL


@dataclass(frozen=True, slots=True)
class RoleDrift:
    """A right that `role` has beyond its part, or lacks. `role`: PUBLIC is everybody."""

    role: str
    lacks: bool
    detail: str
    statements: tuple[str, ...]


async def list_drift(dsn: str, prefix: str) -> list[RoleDrift]:
    """Of all roles but logins whose names begin with `prefix`; nothing before the migrations.

    Raises:
        StoreUnavailableError, StoreError: it could not be asked.
    """
    rows = await fetched(dsn, "role_drift", prefix, list(ALL))
    return [RoleDrift(row["role"], row["lacks"], row["detail"], tuple(row["statements"])) for row in rows]


async def mend(dsn: str, statements: Iterable[str]) -> None:
    """Run what `RoleDrift` says, all of it or nothing.

    Raises:
        StoreUnavailableError, StoreError: Postgres refuses.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction():
                for statement in statements:
                    await connection.execute(statement)
