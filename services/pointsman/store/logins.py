"""The audit database's logins and their rights, and their reduction to one role."""

from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.store.connect import connected, fetched, translated
from pointsman.store.errors import StoreError
from pointsman.store.roles import ALL
from pointsman.store.sql import query

#: What the query adds to a role that its member may give to others.
_WITH_ADMIN = " with admin option"


@dataclass(frozen=True, slots=True)
class LoginFound:
    """A user of Postgres. `roles`: direct memberships; `owns`, `granted`: should be empty.

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
        """Whether somebody made it a member of one of our roles, and not of another that is."""
        return any(role.removesuffix(_WITH_ADMIN) in ALL for role in self.roles)

    def excess(self, role: str) -> list[str]:
        """What it has beyond being a member of `role`, in words."""
        return [
            *(f"is a member of {membership}" for membership in self.roles if membership != role),
            *(f"is, by way of that, a member of {strong}" for strong in self.reaches),
            *(f"is {attribute}" for attribute in self.attributes),
            *(f"owns {thing}" for thing in self.owns),
            *(f"holds a grant of its own on {thing}" for thing in self.granted),
        ]


async def list_logins(dsn: str, prefix: str) -> dict[str, LoginFound]:
    """Those whose names begin with `prefix`, and who comes by what is ours; not the user of `dsn` itself.

    Raises:
        StoreUnavailableError, StoreError: it could not be asked.
    """
    rows = await fetched(dsn, "logins", prefix, list(ALL))
    lists = ("roles", "attributes", "owns", "granted", "reaches")
    return {row["name"]: LoginFound(row["name"], *(tuple(row[name]) for name in lists)) for row in rows}


async def narrow_login(dsn: str, login: LoginFound, role: str | None) -> None:
    """Leave it nothing but being a member of `role`; None: it logs in no more, and its sessions end.

    Raises:
        StoreError: it owns something, which is not ours to give away; or Postgres refuses.
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
    """A right that `role` has in excess, or lacks. `role`: PUBLIC means everybody."""

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
