"""From a request to a job: agent, tier, deadline and idempotency."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from pointsman.gateway.asking import repeats as repeats_module
from pointsman.gateway.asking.job import job_of
from pointsman.gateway.asking.model_names import ModelNames
from pointsman.gateway.asking.repeats import Repeats, digest_of, keyed_id
from pointsman.gateway.errors import ApiError, error_of
from pointsman_schemas.base import Json
from pointsman_schemas.jobs import Job
from pointsman_schemas.outcomes import JobCancelled, JobExpired, JobFailed, JobRejected, Outcome
from pointsman_schemas.reasons import FailReason, Reason

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ID, OTHER = UUID(int=1), UUID(int=2)
BODY: Json = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.1}
NAMES = ModelNames(tiers=("small", "large"), models={"gpt-mini": "small"})


def job(request: Json = BODY, **headers: str) -> Job:
    named = {f"x-pointsman-{name.replace('_', '-')}": value for name, value in headers.items()}
    return job_of(request, named, job_id=ID, agent_id="app", tier=None, now=NOW, deadline_s=600)


def test_the_body_is_the_request_only() -> None:
    made = job({**BODY, "agent_id": "root", "tier": "large", "kind": "sql", "job_id": str(OTHER)})
    assert (made.agent_id, made.tier, made.kind, made.job_id) == ("app", None, None, ID)
    assert made.request.model_dump(exclude_unset=True)["agent_id"] == "root"  # as any unknown parameter


def test_headers_say_kind_order_and_deadline() -> None:
    made = job(kind="sql", order_key="one", deadline="1.5")
    assert (made.kind, made.order_key, made.deadline) == ("sql", "one", NOW + timedelta(seconds=1.5))
    assert job(deadline="2030-01-01T00:01:00Z").deadline == NOW + timedelta(minutes=1)
    assert job().deadline == NOW + timedelta(seconds=600)


@pytest.mark.parametrize("deadline", ["0", "-1", "nan", "inf", "1e9", "soon", ""])
def test_a_deadline_that_is_none_is_refused(deadline: str) -> None:
    with pytest.raises(ApiError) as refused:
        job(deadline=deadline)
    assert (refused.value.status, refused.value.param) == (400, "x-pointsman-deadline")
    assert refused.value.message.startswith("x-pointsman-deadline must be seconds from now")


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"content": "Hello"}]}, "messages"),
        ({"metadata": {"a": [1]}}, "metadata"),
    ],
)
def test_errors_name_the_field(wrong: Json, param: str) -> None:
    with pytest.raises(ApiError) as refused:
        job({**BODY, **wrong})
    assert (refused.value.status, refused.value.param) == (400, param)


def test_names_of_models() -> None:
    assert NAMES.tier("auto") is NAMES.tier(None) is None
    assert NAMES.tier("tier:large") == "large"
    assert NAMES.tier("gpt-mini") == "small"
    assert NAMES.names == ["auto", "tier:small", "tier:large", "gpt-mini"]
    for unknown in ("large", "tier:huge", "", "x" * 10_000):
        with pytest.raises(ApiError) as refused:
            NAMES.tier(unknown)
        assert (refused.value.status, refused.value.code) == (404, "model_not_found")
        assert len(refused.value.message) < 400
    with pytest.raises(ApiError, match="must be a text"):
        NAMES.tier(["auto"])


def test_before_the_policy_is_known_unknown_models_are_retriable() -> None:
    assert ModelNames().tier("auto") is None
    for name in ("tier:small", "gpt-mini"):
        with pytest.raises(ApiError) as refused:
            ModelNames().tier(name)
        assert (refused.value.status, refused.value.headers["retry-after"]) == (503, "1")
    with pytest.raises(ApiError, match="no router"):
        ModelNames().listed(NOW)


def test_any_model_name_is_accepted_if_the_policy_lists_none() -> None:
    names = ModelNames(tiers=("small",))
    assert names.tier("gpt-nine") is None
    for wrong in ("tier:huge", "", "m" * 129):
        with pytest.raises(ApiError):
            names.tier(wrong)


def digest(text: str) -> bytes:
    return digest_of("/v1/chat/completions", text.encode())


def test_a_key_is_one_request_of_one_agent() -> None:
    repeats = Repeats()
    repeats.remember("app", digest("a"), "key", ID, 0)
    assert repeats.find("app", digest("a"), "key", is_retry=False, now=1e6) == ID
    assert repeats.find("other", digest("a"), "key", is_retry=False, now=0) is None
    with pytest.raises(KeyError):
        repeats.find("app", digest("b"), "key", is_retry=False, now=0)
    assert keyed_id("app", "key") == keyed_id("app", "key") != keyed_id("other", "key")


def test_a_retry_is_found_by_its_body_for_ten_minutes() -> None:
    repeats = Repeats()
    repeats.remember("app", digest("a"), None, ID, 0)
    repeats.remember("app", digest("a"), None, OTHER, 5)
    assert repeats.find("app", digest("a"), None, is_retry=False, now=6) is None
    assert repeats.find("app", digest("a"), None, is_retry=True, now=6) == OTHER
    assert repeats.find("app", digest("a"), None, is_retry=True, now=606) is None
    assert repeats.find("other", digest("a"), None, is_retry=True, now=6) is None
    assert repeats.find("app", digest("b"), None, is_retry=True, now=6) is None
    assert digest_of("/v1/responses", b"a") != digest("a")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats_module, "CAPACITY", 2)
    repeats = Repeats()
    for number in range(4):
        repeats.remember("app", digest(str(number)), str(number), UUID(int=number), 0)
    job_ids = [repeats.find("app", digest(str(n)), str(n), is_retry=True, now=0) for n in range(4)]
    assert job_ids == [None, None, UUID(int=2), UUID(int=3)]


ABOUT: Json = {"job_id": ID, "agent_id": "app", "tier": None, "attempts": 0, "cost_usd": None}


def test_every_reason_has_a_status_that_does_not_cause_a_retry() -> None:
    outcomes: list[Outcome] = [
        *(
            JobRejected(**ABOUT, reason=reason, message="no")
            for reason in Reason
            if not reason.name.startswith("SIGNATURE_")
        ),
        *(JobFailed(**ABOUT, reason=reason, message="no") for reason in FailReason),
        JobExpired(**ABOUT, deadline=NOW, message="no"),
        JobCancelled(**ABOUT, cancelled_by="app", message=""),
    ]
    for outcome in outcomes:
        error = error_of(outcome)
        assert error is not None
        assert 400 <= error.status < 600
        assert error.headers["x-should-retry"] == "false"
        assert set(error.openai["error"]) == {"message", "type", "param", "code"}
        assert error.message in error.anthropic["error"]["message"]


def test_a_providers_refusal_has_its_code_and_parameter() -> None:
    """Frameworks shorten a conversation if they see this code or the provider's message."""
    about = {**ABOUT, "message": "no", "param": "messages"}
    refused = error_of(JobFailed(**about, reason=FailReason.BAD_REQUEST, code="invalid_type"))
    too_long = error_of(JobFailed(**about, reason=FailReason.BAD_REQUEST, code="context_length_exceeded"))
    broken = error_of(JobFailed(**about, reason=FailReason.AUTHENTICATION, code="invalid_api_key"))
    assert refused is not None and too_long is not None and broken is not None
    assert (refused.status, refused.code, refused.param) == (400, "invalid_type", "messages")
    assert (too_long.status, too_long.code, too_long.param) == (400, "context_length_exceeded", "messages")
    assert (broken.status, broken.code, broken.param) == (502, "authentication", None)
    assert too_long.anthropic["error"]["message"] == "prompt is too long: no"


def test_a_spent_budget_is_reported_as_a_quota() -> None:
    error = error_of(JobFailed(**ABOUT, reason=FailReason.RATE_LIMITED, message="no", limit="usd_per_day"))
    assert error is not None
    assert (error.status, error.code) == (429, "insufficient_quota")


def test_a_budget_is_reported_as_a_quota_and_a_rate_as_a_rate_limit() -> None:
    budget = error_of(JobRejected(**ABOUT, reason=Reason.OVER_BUDGET, message="no", limit="agent app usd"))
    rate = error_of(JobRejected(**ABOUT, reason=Reason.OVER_RATE, message="no", limit="agent app jobs"))
    assert budget is not None
    assert rate is not None
    assert (budget.status, budget.code) == (429, "insufficient_quota")
    assert (rate.status, rate.code) == (429, "over_rate")
