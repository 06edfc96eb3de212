"""The logins of the dev stack's Postgres: one that adds rows and one that reads; neither is the owner."""

import hmac
from urllib.parse import unquote, urlsplit

from pointsman.store.address import read_address
from pointsman.store.roles import AUDITOR, WRITER, as_login, ensure_login

_WRITER_LOGIN = "pointsman_writer"
_READER_LOGIN = "pointsman_reader"


async def make_logins(owner: str) -> None:
    """Create both logins on the server at the address `owner`; safe to repeat.

    Raises:
        StoreError: Postgres refuses.
    """
    await ensure_login(owner, _WRITER_LOGIN, WRITER, password(owner, _WRITER_LOGIN))
    await ensure_login(owner, _READER_LOGIN, AUDITOR, password(owner, _READER_LOGIN))


def writer(owner: str) -> str:
    """Return the same database's address for the audit process."""
    return as_login(owner, _WRITER_LOGIN, password(owner, _WRITER_LOGIN))


def reader(owner: str) -> str:
    """Return the same database's address for readers."""
    return as_login(owner, _READER_LOGIN, password(owner, _READER_LOGIN))


def password(owner: str, login: str) -> str | None:
    """Derive a login's password from the owner's by a one-way function. None if the owner has none."""
    secret = unquote(urlsplit(read_address(owner).dsn).password or "")
    return hmac.digest(secret.encode(), login.encode(), "sha256").hex() if secret else None
