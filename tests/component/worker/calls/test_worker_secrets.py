"""Which data a provider receives, and which data never leaves the worker."""

import json
import logging
from base64 import b64decode, b64encode
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from pointsman.worker.calls.answer import Answer
from pointsman.worker.providers import Provider
from pointsman.worker.providers_file import ProviderRow
from pointsman_schemas.outcomes import JobFailed
from tests.support.worker.routed_jobs import AGENT, calls, job_id, outcome
from tests.support.worker.tiny_provider import ANSWER, http, tiny_provider
from tests.support.worker.working import KEY, Worker, in_turn, provider_of, working


async def test_ids_are_sent_only_to_configured_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-ours")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-ours")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    async with working(in_turn(http())) as (tiny, worker):
        await worker.do()
    async with working(in_turn(http()), row={"trace_headers": True, "headers": {"x-tenant": "7"}}) as (
        configured,
        worker,
    ):
        await worker.do()
    foreign, ours = tiny.asked[0].headers, configured.asked[0].headers
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
        texts = [
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
    texts += [caplog.text, *(str(record) for record in records)]
    assert not [text for text in texts if KEY in text]


FORMS = {
    "a header that breaks the protocol": b"HTTP/1.1 200 OK\r\nx-echo: Bearer %s\r\n x\0: y\r\n\r\n",
    "a status line": b"Bearer %s\r\n\r\n",
    "a header's name": b"HTTP/1.1 200 OK\r\n%s: x\r\ncontent-length: 0\r\n\r\n",
    "a chunk's size": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%s\r\n",
}


@pytest.mark.parametrize("form", FORMS)
async def test_a_broken_answer_that_repeats_the_key_does_not_disclose_it(form: str) -> None:
    async with (
        tiny_provider(in_turn(FORMS[form].replace(b"%s", KEY.encode()))) as tiny,
        provider_of(tiny) as provider,
    ):
        records = await Worker(provider, attempts=1).do()
    assert isinstance(outcome(records), JobFailed)
    text = " ".join(str(record) for record in records)
    assert not [KEY[at : at + 8] for at in range(len(KEY) - 8) if KEY[at : at + 8] in text]


ECHOES = [KEY, KEY.encode().hex(), b64encode(KEY.encode()).decode(), quote(KEY, safe=""), "tenant-seven"]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("status", [200, 302, 400, 401, 500])
async def test_no_error_discloses_a_key_or_a_header(echo: str, status: int) -> None:
    bodies = [
        json.dumps({"error": {"message": f"no {echo}", echo: [echo]}}).encode(),
        json.dumps({"error": {"message": "x" * 495 + echo}}).encode(),
        f"<html>{echo}</html>".encode(),
        b"\xff" + echo.encode(),
        b"x" * (64 * 1024 - 8) + echo.encode(),
        b"x" * (80 * 1024 - 8) + echo.encode() + b"x" * 300_000,
    ]
    for body in bodies:
        async with (
            tiny_provider(in_turn(http(status, body, location=f"http://a.test/?key={echo}"))) as tiny,
            provider_of(tiny, headers={"x-tenant": "tenant-seven"}) as provider,
        ):
            records = await Worker(provider, attempts=1).do()
        assert isinstance(outcome(records), JobFailed)
        (call,) = calls(records)
        raw = call.response_raw
        content = (
            "" if raw is None else raw.content if raw.encoding == "utf-8" else str(b64decode(raw.content))
        )
        text = " ".join([content, *(str(record) for record in records)])
        assert echo not in text
        assert echo[:8] not in text


@pytest.mark.parametrize("key", ["test", "1", "a", KEY])
async def test_an_answer_is_never_searched_for_the_key(key: str) -> None:
    body = {
        **ANSWER,
        "choices": [{"message": {"content": f"this is a test of 1 {KEY}"}, "finish_reason": "stop"}],
    }
    async with tiny_provider(in_turn(http(body=body))) as tiny:
        row = ProviderRow(
            name="tiny", base_url=tiny.base_url, key_env="TINY_KEY", headers={"x-tenant": "choices"}
        )
        provider = Provider(row, SecretStr(key), max_in_flight=1)
        result = await provider.call({}, job_id=job_id(1), agent_id=AGENT)
        await provider.close()
    assert isinstance(result, Answer)
    assert result.response == body
