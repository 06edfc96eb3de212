"""Opens the store at an address."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pointsman.claims.claim_check import ClaimCheck
from pointsman.claims.folder import Folder
from pointsman.claims.settings import ClaimsPart
from pointsman.claims.store import ClaimStore

_KNOWN = "file:///FOLDER, postgresql://USER@HOST:PORT/DATABASE or s3://BUCKET/PREFIX"


class ClaimsSettingError(ValueError):
    """POINTSMAN_CLAIMS cannot be used; the text says why."""

    hint = f"POINTSMAN_CLAIMS is {_KNOWN}, or empty: then there is no store"


def open_store(url: str) -> ClaimStore:
    """Return the store at `url`. Nothing is connected or written before its first use.

    Raises:
        ClaimsSettingError: the url has an unknown form, or the store cannot be used.
    """
    if url.startswith(("postgresql://", "postgres://")):
        from pointsman.claims.table import ClaimsTable

        return ClaimsTable(url)
    parts = urlsplit(url)
    match parts.scheme:
        case "file" if parts.netloc in ("", "localhost") and parts.path.startswith("/"):
            return Folder(Path(unquote(parts.path)))
        case "s3" if parts.netloc:
            from pointsman.claims.objects import Objects

            try:
                return Objects(url)
            except ModuleNotFoundError as error:
                raise ClaimsSettingError('s3:// needs obstore: pip install "pointsman[s3]"') from error
            except Exception as error:
                reason = str(error).partition("\n")[0]
                raise ClaimsSettingError(f"{url} cannot be used: {reason}") from error
        case _:
            raise ClaimsSettingError(f"{parts.scheme or 'this'} is not the address of a store: give {_KNOWN}")


def open_claim_check(settings: ClaimsPart) -> ClaimCheck | None:
    """Return the claim check with these settings; None if no store is set.

    Raises:
        ClaimsSettingError: as `open_store`.
    """
    if not settings.claims:
        return None
    return ClaimCheck(
        open_store(settings.claims),
        above=settings.claims_above_bytes,
        largest=settings.claims_max_bytes,
        timeout_s=settings.claims_timeout_s,
    )


@asynccontextmanager
async def closed_after(used: ClaimCheck | ClaimStore | None) -> AsyncIterator[None]:
    """Close `used` at the end of the block."""
    try:
        yield
    finally:
        if used is not None:
            await used.close()
