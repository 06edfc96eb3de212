"""Checks that a login can only read: with more rights, a query could regain those that SET ROLE gave up."""

from pointsman.store.connect import Connection
from pointsman.store.errors import StoreError
from pointsman.store.sql import query


class TooMuchRightError(StoreError):
    """The login has more rights than the auditor's role; the text says which."""

    hint = (
        "`pointsman db login NAME --as auditor` makes a user who may only read; "
        "give that one to POINTSMAN_POSTGRES"
    )


async def refuse_more_than_reader(connection: Connection) -> None:
    """Check the attributes, memberships, ownership and grants of the session's login.

    Raises:
        TooMuchRightError: the login has more rights than a member of the auditor's role.
        asyncpg.PostgresError: the query failed.
    """
    excess = await connection.fetchval(query("more_than_reader"))
    if excess is not None:
        user = await connection.fetchval("select session_user::text")
        raise TooMuchRightError(f"{user} may do more than read the record: {excess}")
