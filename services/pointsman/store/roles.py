"""The audit database's roles and their grants; a login is a member of one role."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from pointsman.store.address import read_address
from pointsman.store.connect import connected, fetched, translated
from pointsman.store.sql import query

#: Inserts rows; cannot read, change or remove any.
WRITER = "pointsman_audit_writer"
#: Reads; cannot insert, change or remove anything.
AUDITOR = "pointsman_auditor"
#: An auditor that can also read the wrapped keys: with the master key, it can read sealed content.
OPENER = "pointsman_audit_opener"
#: Erases a subject's key, which is recorded; cannot read anything else.
ERASER = "pointsman_audit_eraser"
#: Stores and reads large values if the claim store is in this database; has no access to the audit.
CLAIMS = "pointsman_claims"
ALL = (WRITER, AUDITOR, OPENER, ERASER, CLAIMS)


#: Another process creates or changes the same login, also through another database: try again.
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
    """List the privileges of the roles, as the database has them; empty before the migrations.

    Raises:
        StoreUnavailableError, StoreError: the query failed.
    """
    return [Grant(**row) for row in await fetched(dsn, "grants")]


async def ensure_login(dsn: str, login: str, role: str, password: str | None = None) -> None:
    """Create `login` or update it, with this password, as a member of `role`. None removes the password.

    An opener becomes an auditor as well, to read what is not sealed.

    Raises:
        StoreUnavailableError: Postgres cannot be reached.
        StoreError: the user of `dsn` lacks the right, or Postgres refuses.
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
    """Return the address of the same database for another user."""
    parts = urlsplit(read_address(dsn).dsn)
    user = quote(login, safe="") + (f":{quote(password, safe='')}" if password else "")
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}"))
