"""Checks that a login may only read: with more rights, a query could restore those that were dropped."""

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
    """Look at attributes, memberships, ownership and grants of who has logged in.

    Raises:
        TooMuchRightError: it is more than a member of the auditor's role.
        asyncpg.PostgresError
    """
    excess = await connection.fetchval(query("more_than_reader"))
    if excess is not None:
        user = await connection.fetchval("select session_user::text")
        raise TooMuchRightError(f"{user} may do more than read the record: {excess}")
