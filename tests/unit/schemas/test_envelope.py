"""The envelope survives encoding, reports wrong headers, and derives the ids of following messages."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_schemas.envelope import (
    BadEnvelopeError,
    Envelope,
    envelope_after,
    first_envelope,
    from_headers,
)

NOW = datetime(2026, 3, 12, 9, 14, 3, 218_000, tzinfo=UTC)
ID = UUID("019ce153-1052-71c3-a07f-44b2d85e6a10")
JOB = UUID("019ce153-1052-7d0b-9f9a-c2e47731a8c6")
ORIGIN = ("pointsman.jobs.intake", 2, 1041)

HEX = "0123456789abcdef"
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=64)
TIMES = st.builds(
    lambda since, hours: (NOW + since).astimezone(timezone(timedelta(hours=hours))),
    st.timedeltas(timedelta(days=-365 * 50), timedelta(days=365 * 1000)),
    st.integers(-14, 14),
)


@st.composite
def envelopes(draw: Any) -> Envelope:
    traced = draw(st.booleans())
    return Envelope(
        id=draw(st.uuids()),
        source=draw(NAMES),
        type=draw(NAMES.filter(lambda type: not type.startswith("pointsman."))),
        time=draw(TIMES),
        agent_id=draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=64)),
        job_id=draw(st.none() | st.uuids()),
        causation_id=draw(st.none() | st.uuids()),
        attempt=draw(st.none() | st.integers(0, 999_999)),
        trace_id=draw(st.text(HEX, min_size=32, max_size=32)) if traced else None,
        span_id=draw(st.text(HEX, min_size=16, max_size=16)) if traced else None,
    )


def headers_with(**changed: bytes | None) -> list[tuple[str, bytes]]:
    """Valid headers with some replaced; None removes one."""
    good = dict(
        first_envelope(
            ID, source="billing", type="job.submitted.v1", time=NOW, agent_id="billing", job_id=JOB
        ).to_headers()
    )
    good |= {name: value for name, value in changed.items() if value is not None}
    return [(name, value) for name, value in good.items() if changed.get(name, value) is not None]


@given(envelopes())
def test_headers_give_back_the_envelope(cover: Envelope) -> None:
    assert from_headers(cover.to_headers()) == cover


@given(
    st.dictionaries(
        st.sampled_from([name for name, _ in headers_with(ce_attempt=b"1", ce_causationid=b"-")]),
        st.none() | st.binary(max_size=40) | st.text(max_size=20).map(str.encode),
        max_size=3,
    )
)
def test_any_headers_are_an_envelope_or_refused(broken: dict[str, Any]) -> None:
    try:
        envelope = from_headers([*(dict(headers_with()) | broken).items()])
    except BadEnvelopeError as error:
        assert "ce_" in str(error) or "traceparent" in str(error)
    else:
        assert isinstance(envelope, Envelope)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_specversion", None),
        ("ce_specversion", b"0.3"),
        ("ce_id", None),
        ("ce_id", b""),
        ("ce_id", b"17"),
        ("ce_id", b"\xff"),
        ("ce_source", None),
        ("ce_source", b""),
        ("ce_source", b"a" * 257),
        ("ce_source", b"a\0b"),
        ("ce_type", None),
        ("ce_type", b"\xc3\x28"),
        ("ce_time", None),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-03-12T09:14:03"),
        ("ce_jobid", b"not-a-uuid"),
        ("ce_causationid", b"-"),
        ("ce_attempt", b"two"),
        ("ce_attempt", b"-1"),
        ("ce_attempt", b"1234567"),
        ("ce_attempt", "²".encode()),
        ("ce_agentid", b"\xff"),
        ("traceparent", b"\xff"),
    ],
)
def test_a_bad_header_is_named(name: str, value: bytes | None) -> None:
    with pytest.raises(BadEnvelopeError, match=name):
        from_headers(headers_with(**{name: value}))


def test_a_header_without_a_value_is_named() -> None:
    with pytest.raises(BadEnvelopeError, match="ce_agentid"):
        from_headers([*headers_with(ce_agentid=None), ("ce_agentid", None)])  # type: ignore[list-item]


def test_a_header_that_is_there_twice_is_named() -> None:
    with pytest.raises(BadEnvelopeError, match="ce_id is repeated"):
        from_headers([*headers_with(), ("ce_id", str(ID).encode())])


def test_the_time_of_arrival_stands_in_for_a_missing_one() -> None:
    envelope = from_headers(headers_with(ce_time=None), received=NOW)
    assert envelope is not None
    assert envelope.time == NOW


@pytest.mark.parametrize(
    "value", [b"", b"00-xyz", b"00-" + b"g" * 32 + b"-" + b"0" * 16 + b"-01", b"00-ab-cd-01"]
)
def test_a_trace_that_cannot_be_read_is_passed_over(value: bytes) -> None:
    envelope = from_headers(headers_with(traceparent=value))
    assert envelope is not None
    assert (envelope.trace_id, envelope.span_id) == (None, None)


def test_foreign_headers_are_no_envelope() -> None:
    assert (
        from_headers([("content-type", b"application/json"), ("traceparent", b"00-x"), ("x", b"\xff")])
        is None
    )


@given(envelopes(), st.text(min_size=1, max_size=20))
def test_a_repeat_has_the_same_id_whenever_it_is_made(cause: Envelope, step: str) -> None:
    first, again = (
        envelope_after(cause, ORIGIN, step=step, source="router", type="job.routed.v1", time=time)
        for time in (NOW, NOW + timedelta(hours=1))
    )
    assert first.id == again.id
    assert first.span_id == again.span_id


@given(envelopes())
def test_agent_job_and_trace_come_from_the_cause(cause: Envelope) -> None:
    child = envelope_after(cause, ORIGIN, step="routed", source="router", type="job.routed.v1", time=NOW)
    assert child.causation_id == cause.id
    assert (child.agent_id, child.job_id, child.trace_id) == (cause.agent_id, cause.job_id, cause.trace_id)
    assert (child.source, child.type, child.time, child.attempt) == ("router", "job.routed.v1", NOW, None)
    assert (child.span_id is None) == (cause.span_id is None)


def test_another_step_or_place_is_another_message() -> None:
    cause = first_envelope(
        ID, source="billing", type="job.submitted.v1", time=NOW, agent_id="billing", job_id=JOB
    )
    origins = [ORIGIN, (*ORIGIN[:2], 1042), (ORIGIN[0], 3, 1041)]
    ids = {
        envelope_after(cause, origin, step=step, source="router", type="job.routed.v1", time=NOW).id
        for origin in origins
        for step in ("routed", "outcome")
    }
    assert len(ids) == 6


def test_the_trace_of_a_first_message_is_its_job() -> None:
    first = first_envelope(
        ID, source="billing", type="job.submitted.v1", time=NOW, agent_id="billing", job_id=JOB
    )
    assert first.trace_id == JOB.hex
    assert dict(first.to_headers())["traceparent"].startswith(b"00-" + JOB.hex.encode())
