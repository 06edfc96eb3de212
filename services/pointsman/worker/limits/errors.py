"""Reasons for which a call may not be made."""


class ShutError(Exception):
    """This target may not be called now; another may."""


class NoRoomError(Exception):
    """A limit refuses this call; `limit` is its name. `of_agent`: the registry sets it."""

    def __init__(self, limit: str, reason: str, *, of_agent: bool = False) -> None:
        super().__init__(reason)
        self.limit = limit
        self.of_agent = of_agent


class UnknownPriceError(Exception):
    """A spending limit cannot be enforced because the model's price is unknown."""
