"""A bearer token is renewed between calls and after a refusal, and never disclosed."""

from pathlib import Path

import pytest

from pointsman.worker import bearer_token
from pointsman_schemas.outcomes import JobCompleted, JobFailed
from tests.support.worker.routed_jobs import calls, outcome
from tests.support.worker.tiny_provider import Asked, http, tiny_provider
from tests.support.worker.working import Worker, provider_of

OLD, NEW = "eyJ0." + "b2xk" * 300 + ".c2ln", "eyJ0." + "bmV3" * 300 + ".c2ln"


def gate(asked: Asked) -> bytes:
    """Accepts only the new token, and repeats the old one in its error."""
    token = asked.headers.get("authorization", "").removeprefix("Bearer ")
    if token == NEW:
        return http()
    return http(401, {"error": {"message": f"expired token {token} ({token.encode().hex()})"}})


async def test_a_refused_token_is_renewed_for_the_next_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearer_token, "_FRESH_S", 0)
    file = tmp_path / "token"
    file.write_text(OLD)
    async with (
        tiny_provider(gate) as tiny,
        provider_of(tiny, key_env=None, token={"file": str(file)}) as provider,
    ):
        worker = Worker(provider, attempts=2)
        records = await worker.do()
        assert isinstance(failed := outcome(records), JobFailed)
        assert [call.status for call in calls(records)] == ["retry", "retry"]
        assert "check the token that token.file gives" in failed.message
        text = "".join(map(str, records))
        assert OLD not in text
        assert OLD.encode().hex()[:64] not in text
        file.write_text(NEW)
        assert isinstance(outcome(await worker.do()), JobCompleted)
    assert len(tiny.asked) == 3


async def test_a_fresh_token_that_is_refused_ends_the_job(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(OLD)
    async with (
        tiny_provider(gate) as tiny,
        provider_of(tiny, key_env=None, token={"file": str(file)}) as provider,
    ):
        records = await Worker(provider, attempts=3).do()
    assert [call.status for call in calls(records)] == ["reject"]
    assert len(tiny.asked) == 1


async def test_without_a_token_nothing_is_sent_and_nothing_was_paid(tmp_path: Path) -> None:
    async with (
        tiny_provider(gate) as tiny,
        provider_of(tiny, key_env=None, token={"file": str(tmp_path / "none")}) as provider,
    ):
        records = await Worker(provider, attempts=2).do()
    assert isinstance(failed := outcome(records), JobFailed)
    assert (failed.reason, failed.cost_usd, tiny.asked) == ("authentication", 0, [])
    assert failed.message.startswith("tiny was not asked: token.file: ")
