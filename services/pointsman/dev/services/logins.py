"""Who logs in to the dev stack's Postgres: one user who adds rows and one who reads, neither the owner."""

import hmac
from urllib.parse import unquote, urlsplit

from pointsman.store.address import read_address
from pointsman.store.roles import AUDITOR, WRITER, as_login, ensure_login

_WRITER_LOGIN = "pointsman_writer"
_READER_LOGIN = "pointsman_reader"


async def make_logins(owner: str) -> None:
    """Make both users of the server at the address `owner`; safe to repeat.

    Raises:
        StoreError: Postgres refuses.
    """
    await ensure_login(owner, _WRITER_LOGIN, WRITER, password(owner, _WRITER_LOGIN))
    await ensure_login(owner, _READER_LOGIN, AUDITOR, password(owner, _READER_LOGIN))


def writer(owner: str) -> str:
    """The address of the same database for the audit process."""
    return as_login(owner, _WRITER_LOGIN, password(owner, _WRITER_LOGIN))


def reader(owner: str) -> str:
    """The address of the same database for whoever reads."""
    return as_login(owner, _READER_LOGIN, password(owner, _READER_LOGIN))


def password(owner: str, login: str) -> str | None:
    """Follows from the owner's, which does not follow from it; None where the owner needs none."""
    secret = unquote(urlsplit(read_address(owner).dsn).password or "")
    return hmac.digest(secret.encode(), login.encode(), "sha256").hex() if secret else None
