"""Why a call may not be made."""


class ShutError(Exception):
    """The target may not be called now, and another may."""


class NoRoomError(Exception):
    """A limit that this call cannot get past; `limit` names it. `of_agent`: the registry sets it."""

    def __init__(self, limit: str, reason: str, *, of_agent: bool = False) -> None:
        super().__init__(reason)
        self.limit = limit
        self.of_agent = of_agent


class UnknownPriceError(Exception):
    """A ceiling cannot be kept for a model whose price nobody knows."""
