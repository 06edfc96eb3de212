"""The audit database's roles and their grants; logins are members of one role each."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from pointsman.store.address import read_address
from pointsman.store.connect import connected, fetched, translated
from pointsman.store.sql import query

#: Adds rows; sees, changes and removes nothing.
WRITER = "pointsman_audit_writer"
#: Reads; adds, changes and removes nothing.
AUDITOR = "pointsman_auditor"
#: An auditor who may have the wrapped keys, too: with the master key, what is sealed can be read.
OPENER = "pointsman_audit_opener"
#: Erases a subject's key, which puts that on record; sees nothing else.
ERASER = "pointsman_audit_eraser"
#: Keeps large values and reads them, where the claim store is in this database; sees nothing of the audit.
CLAIMS = "pointsman_claims"
ALL = (WRITER, AUDITOR, OPENER, ERASER, CLAIMS)


#: Another process makes or changes the same login, here or in another database: the next try finds it done.
_QUICKER = (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError, asyncpg.InternalServerError)
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Grant:
    """One privilege that a role holds. `kind`: schema, table or function."""

    role: str
    kind: str
    object: str
    privilege: str

    @property
    def statement(self) -> str:
        return f"grant {self.privilege} on {self.kind} {self.object} to {self.role};"


async def grants(dsn: str) -> list[Grant]:
    """What the roles hold in this database, as it says itself; empty before the migrations.

    Raises:
        StoreUnavailableError, StoreError: it could not be asked.
    """
    return [Grant(**row) for row in await fetched(dsn, "grants")]


async def ensure_login(dsn: str, login: str, role: str, password: str | None = None) -> None:
    """Make `login`, or give it this password, and make it a member of `role`; None takes a password away.

    Who opens what is sealed reads the rest, too.

    Raises:
        StoreUnavailableError, StoreError: the user of `dsn` may not, or cannot be one.
    """
    async with connected(dsn) as connection:
        with translated(dsn):
            await connection.execute(query("make_roles"))
            for needed_role in (AUDITOR, OPENER) if role == OPENER else (role,):
                for patience in reversed(range(_TRIES)):
                    try:
                        statement = await connection.fetchval(
                            query("login_statement"), login, password, needed_role
                        )
                        await connection.execute(statement)
                        break
                    except _QUICKER:
                        if not patience:
                            raise


def as_login(dsn: str, login: str, password: str | None = None) -> str:
    """The address of the same database for another user."""
    parts = urlsplit(read_address(dsn).dsn)
    user = quote(login, safe="") + (f":{quote(password, safe='')}" if password else "")
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))
