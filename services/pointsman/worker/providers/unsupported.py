"""A request that cannot be asked in a provider's format: refused here, so that nobody pays for half of it."""

from pointsman.worker.calls.answer import Reject
from pointsman.worker.providers.refusal import clean
from pointsman.worker.providers_file import ProviderRow
from pointsman_schemas.reasons import FailReason


class UnsupportedRequestError(ValueError):
    """`param` says where it stands, such as `messages[1].content`; the text says it too, and what to do."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(f"{param}: {message}")
        self.param = param


def unsupported(row: ProviderRow, error: UnsupportedRequestError) -> Reject:
    """Nothing was sent; a provider of another format may well do it."""
    return Reject(
        reason=FailReason.BAD_REQUEST,
        message=f"{row.name} was not asked, as its format ({row.format}) cannot say it: {clean(str(error))}",
        param=error.param[:80],
        unbilled=True,
        elsewhere=True,
        cause=error,
    )
