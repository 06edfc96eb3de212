"""The audit database's logins: lists their rights and reduces them to one role."""

from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.store.connect import connected, fetched, translated
from pointsman.store.errors import StoreError
from pointsman.store.roles import ALL
from pointsman.store.sql import query

#: Suffix of a role that its member may grant to others.
_WITH_ADMIN = " with admin option"


@dataclass(frozen=True, slots=True)
class LoginFound:
    """A login of Postgres. `roles`: direct memberships. `owns`, `granted`: should be empty.

    `reaches`: privileged roles of which it is an indirect member.
    """

    name: str
    roles: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    reaches: tuple[str, ...] = ()

    @property
    def is_superuser(self) -> bool:
        return "superuser" in self.attributes

    @property
    def has_our_role(self) -> bool:
        """Whether it is a direct member of one of pointsman's roles."""
        return any(role.removesuffix(_WITH_ADMIN) in ALL for role in self.roles)

    def excess(self, role: str) -> list[str]:
        """Describe each right that it has beyond membership of `role`."""
        return [
            *(f"is a member of {membership}" for membership in self.roles if membership != role),
            *(f"is, by way of that, a member of {strong}" for strong in self.reaches),
            *(f"is {attribute}" for attribute in self.attributes),
            *(f"owns {thing}" for thing in self.owns),
            *(f"holds a grant of its own on {thing}" for thing in self.granted),
        ]


async def list_logins(dsn: str, prefix: str) -> dict[str, LoginFound]:
    """List other logins that can access pointsman's objects or whose names begin with `prefix`.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    rows = await fetched(dsn, "logins", prefix, list(ALL))
    lists = ("roles", "attributes", "owns", "granted", "reaches")
    return {row["name"]: LoginFound(row["name"], *(tuple(row[name]) for name in lists)) for row in rows}


async def narrow_login(dsn: str, login: LoginFound, role: str | None) -> None:
    """Reduce the login's rights to membership of `role`. With None, disable it and end its sessions.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
        StoreError: the login owns objects, whose new owner a person must choose; or Postgres refuses.
    """
    if login.owns:
        owned = ", ".join(login.owns)
        raise StoreError(f"{login.name} owns {owned}: drop it, or `alter ... owner to` another")
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction():
                statements = await connection.fetch(
                    query("login_narrowed"), login.name, role, bool(login.granted), list(login.attributes)
                )
                for row in statements:
                    await connection.execute(row["statement"])


@dataclass(frozen=True, slots=True)
class RoleDrift:
    """A right that `role` (PUBLIC: everybody) has in excess or lacks, and the statements that correct it."""

    role: str
    lacks: bool
    detail: str
    statements: tuple[str, ...]


async def list_drift(dsn: str, prefix: str) -> list[RoleDrift]:
    """List the rights that each role has in excess or lacks. Empty before the migrations have run.

    Logins whose names begin with `prefix` are left out: `list_logins` covers them.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    rows = await fetched(dsn, "role_drift", prefix, list(ALL))
    return [RoleDrift(row["role"], row["lacks"], row["detail"], tuple(row["statements"])) for row in rows]


async def mend(dsn: str, statements: Iterable[str]) -> None:
    """Run the statements of `RoleDrift` in one transaction.

    Raises:
        StoreUnavailableError, StoreError: Postgres cannot be reached or refuses.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            async with connection.transaction():
                for statement in statements:
                    await connection.execute(statement)
