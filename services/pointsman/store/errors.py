"""The store's errors, classified by what a caller can do about them."""


class StoreError(Exception):
    """Postgres refused a request; the text says why and what to do next."""


class StoreUnavailableError(StoreError):
    """Postgres cannot be reached, or the connection ended: try again.

    `broke`: the connection ended while Postgres worked on the request.
    """

    broke = False


class LaneMovedError(StoreError):
    """The lane's stored position is not the expected one: another process moved it."""

    def __init__(self, lane: tuple[str, int], expected: int | None, stored: int | None) -> None:
        super().__init__(
            f"lane {lane[0]}/{lane[1]}: the stored position is {_place(stored)}, expected was "
            f"{_place(expected)}; another audit process owns this lane now, nothing was written"
        )
        self.lane = lane
        self.expected = expected
        self.stored = stored


class ContentHiddenError(StoreError):
    """The content was masked or sealed before it was stored; `hint`: how to read it, if possible."""

    def __init__(self, content: str, why: str, hint: str = "") -> None:
        super().__init__(f"{content} {why}")
        self.hint = hint


def _place(offset: int | None) -> str:
    return "not there yet" if offset is None else str(offset)
