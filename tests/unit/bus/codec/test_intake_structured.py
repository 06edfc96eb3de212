"""A CloudEvent means the same in structured mode and in binary mode."""

import base64
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.bus.codec.decode import Malformed
from pointsman.bus.codec.intake import Accepted, decode_intake
from pointsman.bus.codec.records import Incoming
from pointsman_schemas.reasons import Reason

MEDIA = ("content-type", b"application/cloudevents+json; charset=utf-8")
JOB = UUID("01a2265c-6447-772a-9eb1-3146f2884444")
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
ATTRIBUTES: dict[str, Any] = {
    "specversion": "1.0",
    "id": "01a2265c-6447-772a-9eb1-3146f2880001",
    "source": "/billing/invoices",
    "type": "pointsman.job.submitted.v1",
    "time": "2026-05-01T12:00:00Z",
    "agentid": "billing",
    "jobid": str(JOB),
    "traceparent": TRACE,
}
DATA: dict[str, Any] = {"prompt": "Hello", "temperature": 0.1, "metadata": {"a": 1}}


def record(event: object, *headers: tuple[str, bytes]) -> Incoming:
    value = event if isinstance(event, bytes) else json.dumps(event).encode()
    return Incoming("pointsman.jobs.intake", 0, 7, 1_790_000_000_000, b"k", value, headers or (MEDIA,))


def binary(attributes: dict[str, Any]) -> Incoming:
    headers = [
        (f"ce_{name}", str(value).encode()) for name, value in attributes.items() if name != "traceparent"
    ]
    return record(DATA, *headers, ("traceparent", TRACE.encode()))


def test_structured_and_binary_mode_give_the_same_job() -> None:
    structured = decode_intake(record({**ATTRIBUTES, "data": DATA, "datacontenttype": "application/json"}))
    assert isinstance(structured, Accepted)
    assert structured == decode_intake(binary(ATTRIBUTES))
    assert structured.job.job_id == JOB
    assert structured.cause.trace_id == "a" * 32


def test_base64_data_and_unknown_attributes_are_accepted() -> None:
    encoded = base64.b64encode(json.dumps(DATA).encode()).decode()
    structured = decode_intake(
        record({**ATTRIBUTES, "data_base64": encoded, "priority": 7, "dataschema": "x"})
    )
    assert structured == decode_intake(binary(ATTRIBUTES))


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        pytest.param(b"{", Reason.NOT_JSON, id="no JSON"),
        pytest.param(ATTRIBUTES, Reason.NOT_AN_OBJECT, id="no data"),
        pytest.param({**ATTRIBUTES, "data": "Hello"}, Reason.NOT_AN_OBJECT, id="data of another kind"),
        pytest.param({**ATTRIBUTES, "data_base64": "%%%"}, Reason.NOT_JSON, id="no base64"),
        pytest.param({**ATTRIBUTES, "data_base64": "e30"}, Reason.NOT_JSON, id="base64 cut off"),
        pytest.param({**ATTRIBUTES, "data": DATA, "id": {"a": 1}}, Reason.BAD_HEADERS, id="no id"),
        pytest.param({**ATTRIBUTES, "data": DATA, "specversion": "0.3"}, Reason.UNKNOWN_VERSION, id="old"),
        pytest.param({**ATTRIBUTES, "data": DATA, "type": "invoice.v1"}, Reason.UNKNOWN_TYPE, id="type"),
        pytest.param({**ATTRIBUTES, "data": DATA, "source": "x" * 20_000}, Reason.BAD_HEADERS, id="too long"),
        pytest.param({"data": DATA}, Reason.MISSING_AGENT, id="no attributes at all"),
        pytest.param(
            {**ATTRIBUTES, "data": {**DATA, "agent_id": "other"}}, Reason.FOREIGN_AGENT, id="two agents"
        ),
    ],
)
def test_an_invalid_event_is_refused_with_a_reason(event: object, reason: Reason) -> None:
    refused = decode_intake(record(event))
    assert isinstance(refused, Malformed)
    assert refused.reason == reason, refused.message


def test_headers_of_binary_mode_take_precedence() -> None:
    headers = binary(ATTRIBUTES).headers
    both = record({**DATA, "data": {"agent_id": "x", "prompt": "y"}, "id": "z"}, *headers, MEDIA)
    taken = decode_intake(both)
    assert isinstance(taken, Accepted)
    assert taken.job.agent_id == "billing"
    assert taken.job.request.messages[0].content == "Hello"


VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.text()), st.just(DATA))


@given(st.dictionaries(st.sampled_from([*ATTRIBUTES, "data", "data_base64"]), VALUES))
def test_no_event_raises(event: dict[str, object]) -> None:
    taken = decode_intake(record(json.dumps(ATTRIBUTES | event, default=str).encode()))
    assert isinstance(taken, Accepted | Malformed)
