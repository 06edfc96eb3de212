"""What a fault does to an answer."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from email.utils import formatdate
from math import ceil
from typing import assert_never

from pointsman.dev.simulator import errors
from pointsman.dev.simulator.answering.draw import lognormal
from pointsman.dev.simulator.answering.stream import DONE, EVENT_END
from pointsman.dev.simulator.faults import (
    ContentFilter,
    Cut,
    Effect,
    EmptyChoices,
    ErrorEvent,
    Hang,
    Latency,
    MalformedBody,
    RateLimit,
    ServerError,
    SlowStream,
    Unfinished,
)
from pointsman.dev.simulator.reply import SimulatedReply, cut_short

Refusing = RateLimit | ServerError | ContentFilter
Spoiling = EmptyChoices | Cut | MalformedBody | ErrorEvent | Unfinished | Hang


@dataclass(frozen=True, slots=True)
class Order:
    """The sum of a call's effects: times add up, of the others the first one counts."""

    delay_s: float
    gap_s: float
    fate: Refusing | Spoiling | None


def ordered(effects: Iterable[Effect], seed: int) -> Order:
    delay_ms = gap_ms = 0.0
    fate: Refusing | Spoiling | None = None
    for effect in effects:
        match effect:
            case Latency():
                delay_ms += lognormal(seed, f"rule {effect.seed}", median=effect.ms, sigma=effect.sigma)
            case SlowStream():
                gap_ms += effect.gap_ms
            case _:
                fate = fate or effect
    return Order(delay_ms / 1000, gap_ms / 1000, fate)


def refusal(fate: Refusing, model: str, now: float) -> errors.Refusal:
    """The error answer that a fault stands for; `now` in seconds since the epoch."""
    match fate:
        case RateLimit():
            message = f"Rate limit reached for {model}; try again after the time in Retry-After."
            return errors.limited(message, _retry_after(fate, now))
        case ServerError():
            message = f"The provider failed (simulated {fate.status})."
            headers = {} if fate.retry_after_s is None else {"retry-after": f"{fate.retry_after_s:g}"}
            return errors.Refusal(fate.status, message, kind="server_error", headers=headers)
        case ContentFilter():
            message = "The prompt was stopped by the provider's content filter (simulated)."
            return errors.Refusal(400, message, param="prompt", code="content_filter")
        case _:
            assert_never(fate)


def _retry_after(limit: RateLimit, now: float) -> dict[str, str]:
    if limit.retry_after_s is None:
        return {}
    if limit.as_date:  # a date has whole seconds: rounded up, it is never sooner than was asked for
        return {"retry-after": formatdate(ceil(now + limit.retry_after_s), usegmt=True)}
    return {"retry-after": f"{limit.retry_after_s:g}"}


def spoilt(
    reply: SimulatedReply, fate: Spoiling | None, encode: Callable[[str, str | None], tuple[bytes, bytes]]
) -> SimulatedReply:
    """The reply as the fault leaves it; `encode`: the body and the event of an error of that type."""
    match fate:
        case None | EmptyChoices():  # whose choices were never made
            return reply
        case Hang():
            return replace(reply, hang=True)
        case Cut():
            return replace(reply, pieces=cut_short(reply.pieces, fate.after), cut=True)
        case MalformedBody():
            return _malformed(reply, fate.after)
        case ErrorEvent():
            return _failed(reply, fate, *encode(fate.type, fate.code))
        case Unfinished():
            return (
                reply
                if reply.length is not None
                else replace(reply, pieces=_first(reply, fate.after) or (b"",))
            )
        case _:
            assert_never(fate)


def _malformed(reply: SimulatedReply, after: float) -> SimulatedReply:
    """A plain body that ends early, well formed as HTTP; a stream with an event that does not parse."""
    if reply.length is None:
        return replace(reply, pieces=(*_first(reply, after), b'data: {"id": "chatcmpl-\n\n' + DONE))
    broken = b"".join(reply.pieces)[: reply.length // 2]
    return replace(reply, pieces=(broken,), length=len(broken))


def _failed(reply: SimulatedReply, fate: ErrorEvent, body: bytes, event: bytes) -> SimulatedReply:
    if reply.length is None:
        return replace(reply, pieces=(*_first(reply, fate.after), event))
    return replace(reply, pieces=(body,), length=len(body))


def _first(reply: SimulatedReply, part: float) -> tuple[bytes, ...]:
    """This part of a stream's events."""
    events = [data + EVENT_END for data in b"".join(reply.pieces).split(EVENT_END) if data]
    kept = events[: int(len(events) * part)]
    return tuple(kept) if reply.gap_s else (b"".join(kept),) * bool(kept)
