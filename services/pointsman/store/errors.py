"""What can go wrong with the store, in terms that a caller can act on."""


class StoreError(Exception):
    """Postgres did not do what was asked; the text says why and what to do next."""


class StoreUnavailableError(StoreError):
    """Postgres cannot be reached or gave up half way: nothing was wrong with the request, try again.

    `broke`: a connection that was there ended while it was at work on the request.
    """

    broke = False


class LaneMovedError(StoreError):
    """The lane's stored position is not where its owner thought: somebody else moved it."""

    def __init__(self, lane: tuple[str, int], expected: int | None, stored: int | None) -> None:
        super().__init__(
            f"lane {lane[0]}/{lane[1]}: the stored position is {_place(stored)}, expected was "
            f"{_place(expected)}; another audit process owns this lane now, nothing was written"
        )
        self.lane = lane
        self.expected = expected
        self.stored = stored


class ContentHiddenError(StoreError):
    """What is asked for was masked or sealed before it was stored; `hint` says what it takes to read it."""

    def __init__(self, content: str, why: str, hint: str = "") -> None:
        super().__init__(f"{content} {why}")
        self.hint = hint


def _place(offset: int | None) -> str:
    return "not there yet" if offset is None else str(offset)
