"""Why a call may not be made."""


class ShutError(Exception):
    """The target may not be called now, and another may."""


class NoRoomError(Exception):
    """A limit that this call cannot get past; `limit` names it."""

    def __init__(self, limit: str, reason: str) -> None:
        super().__init__(reason)
        self.limit = limit


class UnknownPriceError(Exception):
    """A ceiling cannot be kept for a model whose price nobody knows."""
