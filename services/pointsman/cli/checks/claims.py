"""Check that the store of large values accepts a value and returns it."""

import asyncio
import hashlib

from pointsman.claims.opened import ClaimsSettingError, open_store
from pointsman.claims.settings import ClaimsPart
from pointsman.claims.store import ClaimsUnavailableError
from pointsman.cli.checks.finding import CheckResult

#: The value stored for the check. It is always the same, so it takes space once.
PROBE = b"put here by pointsman doctor\n"


async def claims(settings: ClaimsPart) -> CheckResult:
    """Check the configured store, if there is one."""
    if not settings.claims:
        return CheckResult("claims", True, "no store is set: every value travels in its record")
    try:
        store = open_store(settings.claims)
    except ClaimsSettingError as error:
        return CheckResult("claims", False, str(error), error.hint)
    sha256 = hashlib.sha256(PROBE).hexdigest()
    try:
        async with asyncio.timeout(settings.claims_timeout_s):
            await store.put(sha256, PROBE)
            back = await store.get(sha256)
    except ClaimsUnavailableError as error:
        return CheckResult("claims", False, str(error), _FIX)
    except TimeoutError:
        return CheckResult("claims", False, f"{store.place} does not answer", _FIX)
    finally:
        await store.close()
    if back != PROBE:
        return CheckResult("claims", False, f"{store.place} gives back something else than was put there")
    return CheckResult("claims", True, f"{store.place} takes values and gives them back")


_FIX = "export POINTSMAN_CLAIMS=file:///FOLDER       # docs/claim-check.md says what each store needs"
