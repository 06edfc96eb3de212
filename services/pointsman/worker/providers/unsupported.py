"""A request that cannot be asked in a provider's format: refused here, so that nobody pays for half of it."""

from pointsman.bus.codec.request_fields import RequestFieldError
from pointsman.worker.calls.answer import Reject
from pointsman.worker.providers.refusal import clean
from pointsman.worker.providers_file import ProviderRow
from pointsman_schemas.reasons import FailReason


def unsupported(row: ProviderRow, error: RequestFieldError) -> Reject:
    """Nothing was sent; a provider of another format may well do it."""
    return Reject(
        reason=FailReason.BAD_REQUEST,
        message=f"{row.name} was not asked, as its format ({row.format}) cannot say it: {clean(str(error))}",
        param=error.param[:80],
        unbilled=True,
        elsewhere=True,
        cause=error,
    )
