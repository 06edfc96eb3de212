"""What a provider learns of us, and what nobody learns."""

import json
import logging

import pytest

from pointsman_schemas.outcomes import JobFailed
from tests.support.routed_jobs import AGENT, job_id, outcome
from tests.support.tiny_provider import http, tiny_provider
from tests.support.working import KEY, Worker, in_turn, provider_of, working


async def test_ids_go_only_to_a_provider_that_is_meant_to_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-ours")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-ours")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    async with working(in_turn(http())) as (tiny, worker):
        await worker.do()
    async with working(in_turn(http()), row={"trace_headers": True, "headers": {"x-tenant": "7"}}) as (
        told,
        worker,
    ):
        await worker.do()
    foreign, ours = tiny.asked[0].headers, told.asked[0].headers
    sent = json.dumps(foreign)
    assert not [name for name in foreign if "pointsman" in name or name.startswith("openai-")]
    assert str(job_id(1)) not in sent and AGENT not in sent and "ours" not in sent and "admin" not in sent
    assert (ours["x-pointsman-job"], ours["x-pointsman-agent"]) == (str(job_id(1)), AGENT)
    assert ours["x-tenant"] == "7"


async def test_the_key_goes_to_the_provider_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    complaint = http(401, {"error": {"message": f"Incorrect API key provided: {KEY}."}})
    plain = http(500, f"no backend for Bearer {KEY}".encode())
    async with (
        tiny_provider(in_turn(plain, http(200, {"error": KEY}), complaint)) as tiny,
        provider_of(tiny) as provider,
    ):
        worker = Worker(provider)
        records = await worker.do()
        result = await provider.call({}, job_id=job_id(1), agent_id=AGENT)
        told = [
            repr(provider),
            repr(provider.row),
            repr(worker.handler),
            repr(result),
            str(vars(provider.row)),
        ]
    assert tiny.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert isinstance(outcome(records), JobFailed)
    assert "*** -- check" not in outcome(records).message  # type: ignore[attr-defined]
    assert "provided: ***. -- check the key in the environment variable TINY_KEY" in outcome(records).message  # type: ignore[attr-defined]
    told += [caplog.text, *(str(record) for record in records)]
    assert not [text for text in told if KEY in text]
