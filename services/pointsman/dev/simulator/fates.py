"""Apply faults to an answer."""

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
    """The combined effect of a call's faults: delays add up; of the other faults the first one applies."""

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
    """Return the error answer of a refusing fault; `now` is in seconds since the epoch."""
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
    if limit.as_date:  # a date has whole seconds: rounded up, it is never too early
        return {"retry-after": formatdate(ceil(now + limit.retry_after_s), usegmt=True)}
    return {"retry-after": f"{limit.retry_after_s:g}"}


def spoilt(
    reply: SimulatedReply, fate: Spoiling | None, encode: Callable[[str, str | None], tuple[bytes, bytes]]
) -> SimulatedReply:
    """Return the reply with the fault applied; `encode` returns body and event for an error type and code."""
    match fate:
        case None | EmptyChoices():  # its choices were left out earlier
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
    """Cut a plain body short, with a valid length; in a stream, add an event that is not JSON."""
    if reply.length is None:
        return replace(reply, pieces=(*_first(reply, after), b'data: {"id": "chatcmpl-\n\n' + DONE))
    broken = b"".join(reply.pieces)[: reply.length // 2]
    return replace(reply, pieces=(broken,), length=len(broken))


def _failed(reply: SimulatedReply, fate: ErrorEvent, body: bytes, event: bytes) -> SimulatedReply:
    if reply.length is None:
        return replace(reply, pieces=(*_first(reply, fate.after), event))
    return replace(reply, pieces=(body,), length=len(body))


def _first(reply: SimulatedReply, part: float) -> tuple[bytes, ...]:
    """Return the first `part` of a stream's events."""
    events = [data + EVENT_END for data in b"".join(reply.pieces).split(EVENT_END) if data]
    first_events = events[: int(len(events) * part)]
    return tuple(first_events) if reply.gap_s else (b"".join(first_events),) * bool(first_events)
