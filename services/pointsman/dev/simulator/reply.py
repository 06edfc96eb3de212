"""An HTTP reply as data: what to send, how fast, and whether to break it off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

from pointsman.dev.simulator.errors import Refusal

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"
SLICES = 8


@dataclass(frozen=True, slots=True)
class SimulatedReply:
    """A reply: `pieces` are sent in order after `delay_s`, with `gap_s` before each.

    `length` is the announced size of the body, None for a chunked body. With `cut` the connection is closed
    after the pieces; with `hang` nothing is sent, not even a status.
    """

    status: int
    pieces: tuple[bytes, ...]
    content_type: str = JSON
    length: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()
    delay_s: float = 0
    gap_s: float = 0
    cut: bool = False
    hang: bool = False


def whole(body: bytes, *, delay_s: float = 0, gap_s: float = 0) -> SimulatedReply:
    """Return a plain JSON reply, in slices if `gap_s` is set."""
    pieces = sliced(body) if gap_s else (body,)
    return SimulatedReply(200, pieces, length=len(body), delay_s=delay_s, gap_s=gap_s)


def streamed(events: list[bytes], *, delay_s: float, gap_s: float) -> SimulatedReply:
    """Return a stream of server-sent events; without gaps they are sent in one piece, which costs less."""
    pieces = tuple(events) if gap_s else (b"".join(events),)
    return SimulatedReply(200, pieces, content_type=EVENTS, delay_s=delay_s, gap_s=gap_s)


def refused(
    refusal: Refusal,
    *,
    delay_s: float = 0,
    encode: Callable[[Refusal], tuple[int, bytes]] = lambda refusal: (refusal.status, refusal.body()),
) -> SimulatedReply:
    """Return an error reply; `encode` makes its status and body, by default in OpenAI's format."""
    status, body = encode(refusal)
    headers = as_headers(refusal.headers)
    return SimulatedReply(status, (body,), length=len(body), headers=headers, delay_s=delay_s)


def as_headers(named: Mapping[str, str]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode(), value.encode()) for name, value in named.items())


def cut_short(pieces: tuple[bytes, ...], after: float) -> tuple[bytes, ...]:
    """Return the first part of a body, the fraction `after` of its bytes, in its original pieces."""
    bytes_left = int(sum(map(len, pieces)) * after)
    cut_pieces = []
    for piece in pieces:
        cut_pieces.append(piece[:bytes_left])
        bytes_left -= len(cut_pieces[-1])
    return tuple(piece for piece in cut_pieces if piece)


def sliced(body: bytes) -> tuple[bytes, ...]:
    width = max(1, ceil(len(body) / SLICES))
    return tuple(body[i : i + width] for i in range(0, len(body), width))
