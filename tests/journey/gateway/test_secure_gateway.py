"""The gateway with logins and required signatures: it signs for agents with API keys."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import uuid4

import httpx2
import openai
import pytest
from openai import AsyncOpenAI

from pointsman import starter
from pointsman.bus.codec.records import Outgoing
from pointsman.bus.produce.publisher import Publisher
from pointsman.bus.read.follow import follow
from pointsman.dev.services.gateway_agents import APP
from pointsman.dev.services.sample_review import with_review
from pointsman.identity.api_key import ApiKeyText
from pointsman.identity.keys import PrivateKey
from pointsman.identity.signature import signature_header
from pointsman.registry.agents_file import load as load_agents
from pointsman.runtime.clock import utc_now
from pointsman_schemas.base import format_time
from pointsman_schemas.control.registry import ApiKey
from tests.conftest import empty_database
from tests.journey.gateway.conftest import base_url
from tests.support.running.collector import Collector, collecting
from tests.support.running.servers import SecureServers
from tests.support.running.system import TIERS, System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


@pytest.fixture
async def secure(secure_stack: SecureServers, tmp_path: Path) -> AsyncIterator[System]:
    prefix = f"t{token_hex(4)}"
    async with empty_database(secure_stack) as database:
        logins = secure_stack.logins(database, prefix, TIERS, starter.AGENTS)
        started = System(tmp_path, secure_stack.bootstrap, database, prefix, logins=logins, gateway=True)
        try:
            await started.start()
            yield started
        finally:
            started.stop()


async def ask(system: System, key: str, **fields: object) -> str:
    async with AsyncOpenAI(base_url=base_url(system), api_key=key) as client:
        completion = await client.chat.completions.create(
            model="tier:small", messages=[{"role": "user", "content": "Hello"}], extra_body=fields
        )
        return completion.choices[0].message.content or ""


async def refused(system: System, key: str) -> bool:
    try:
        await ask(system, key)
    except openai.AuthenticationError:
        return True
    return False


async def test_an_api_key_identifies_an_agent_until_it_is_revoked(secure: System) -> None:
    assert secure.logins is not None
    key = secure.logins.api_key
    assert await ask(secure, key, agent_id="chat-desk", data={"agent_id": "chat-desk"})
    assert await refused(secure, "any")
    assert await refused(secure, ApiKeyText.make().text)

    async def recorded() -> bool:
        rows = await secure.fetch("select agent_id from audit.message where kind = 'job.completed.v1'")
        return [row["agent_id"] for row in rows] == [APP]

    await secure.until(recorded, 60, "the record of the one job")

    other = ApiKeyText.make()
    file = load_agents(secure.logins.agents, TIERS)
    renewed = {"api_keys": (ApiKey(id=other.id, sha256=other.sha256),)}
    agents = tuple(agent.model_copy(update=renewed) if agent.id == APP else agent for agent in file.agents)
    await secure.logins.register(file.model_copy(update={"agents": agents}))

    async def revoked() -> bool:
        return await refused(secure, key)

    await secure.until(revoked, 60, "the end of the key")
    assert await ask(secure, other.text)


async def test_a_batch_works_with_the_gateways_rights(secure: System) -> None:
    assert secure.logins is not None
    body = b'{"model": "tier:small", "messages": [{"role": "user", "content": "Hi"}]}'
    address = b'"method": "POST", "url": "/v1/chat/completions"'
    line = b'{"custom_id": "a", ' + address + b', "body": ' + body + b"}"
    async with AsyncOpenAI(base_url=base_url(secure), api_key=secure.logins.api_key) as client:
        file = await client.files.create(file=("in.jsonl", line), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )

        async def is_over() -> bool:
            return (await client.batches.retrieve(batch.id)).status in ("completed", "failed")

        await secure.until(is_over, 60, "the end of the batch")
        ended = await client.batches.retrieve(batch.id)
        assert ended.output_file_id is not None, ended.errors
        output = ended.output_file_id
        assert b'"custom_id":"a"' in (await client.files.content(output)).content


class Reviewer:
    """A reviewer with an API key and a signing key."""

    def __init__(self, system: System, api_key: ApiKeyText, key: PrivateKey) -> None:
        self._system, self._api_key, self._key = system, api_key, key

    async def ask(self, path: str = "", command: dict[str, object] | None = None) -> Any:
        """The listed cases, or the result of `command`."""
        headers = {"authorization": f"Bearer {self._api_key.text}"}
        url = f"{base_url(self._system)}/reviews{path}"
        async with httpx2.AsyncClient(timeout=60) as client:
            if command is None:
                return (await client.get(url, headers=headers)).raise_for_status().json()
            value = json.dumps({"by": "ana", **command}).encode()
            named = [("ce_id", str(uuid4()).encode()), ("ce_time", format_time(utc_now()).encode())]
            topic = self._system.topics.reviews_decided.name
            named.append(signature_header(self._key, topic, named, value))
            headers |= {name.replace("_", "-"): text.decode() for name, text in named}
            return (await client.post(url, content=value, headers=headers)).raise_for_status().json()


@pytest.fixture
async def reviewed(
    secure_stack: SecureServers, tmp_path: Path
) -> AsyncIterator[tuple[System, Reviewer, Collector]]:
    """The same with a review policy, a reviewer with an API key, and a collector of spans."""
    prefix, api_key, key = f"t{token_hex(4)}", ApiKeyText.make(), PrivateKey.generate()
    keys = f"api_keys: [{{id: {api_key.id}, sha256: {api_key.sha256}}}], public_keys: ['{key.public.text}']"
    agents = tmp_path / "listed.yaml"
    agents.write_text(
        f"{starter.AGENTS.read_text()}  - {{id: ana, owner: legal, reviews: contracts, {keys}}}\n"
    )
    with collecting() as collector:
        variables: dict[str, Any] = {
            "POINTSMAN_POLICY": str(with_review(tmp_path)),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        }
        async with empty_database(secure_stack) as database:
            logins = secure_stack.logins(database, prefix, TIERS, agents)
            started = System(
                tmp_path, secure_stack.bootstrap, database, prefix,
                logins=logins, gateway=True, review=True, **variables,
            )  # fmt: skip
            try:
                await started.start()
                yield started, Reviewer(started, api_key, key), collector
            finally:
                started.stop()


async def test_a_case_is_decided_over_http_and_traced(
    reviewed: tuple[System, Reviewer, Collector],
) -> None:
    system, ana, collector = reviewed
    assert system.logins is not None
    async with AsyncOpenAI(base_url=base_url(system), api_key=system.logins.api_key, timeout=120) as client:
        asking = asyncio.ensure_future(
            client.chat.completions.with_raw_response.create(
                model="tier:small",
                messages=[{"role": "user", "content": "Is clause 7 valid?"}],
                extra_headers={"x-pointsman-kind": "contract"},
            )
        )
        cases: list[Any] = []

        async def is_waiting() -> bool:
            cases.extend((await ana.ask())["data"])
            return bool(cases)

        await system.until(is_waiting, 60, "the case")
        job_id = cases[0]["job_id"]
        claimed = await ana.ask(f"/{job_id}/claim", {"job_id": job_id, "revision": cases[0]["revision"]})
        details = await ana.ask(f"/{job_id}")
        command = {"job_id": job_id, "revision": details["case"]["revision"], "choice": "approve"}
        decided = await ana.ask(f"/{job_id}/approve", {**command, "seen": details["seen"]})
        answered = await asking
    assert (claimed["status"], decided["status"]) == ("claimed", "approved")
    assert answered.headers["x-pointsman-job-id"] == job_id
    assert answered.parse().choices[0].message.content
    system.stop()  # the remaining spans are sent at shutdown
    assert {"POST /v1/chat/completions", "job small", "chat gpt-4.1-nano"} <= collector.names_of(job_id)


async def test_an_event_in_structured_mode_cannot_be_signed(secure: System) -> None:
    event = {"specversion": "1.0", "id": str(uuid4()), "source": "s", "type": "t", "agentid": "chat-desk"}
    value = json.dumps({**event, "data": {"prompt": "Hello"}}).encode()
    headers = [("content-type", b"application/cloudevents+json")]
    assert secure.logins is not None
    async with Publisher(secure.logins.kafka("agent.chat-desk")) as publisher:
        await publisher.publish([Outgoing(secure.topics.intake.name, None, value, headers)])

    async def is_dead() -> bool:
        letters = follow(secure.settings, [secure.topics.dead.name], start="beginning", until_end=True)
        return [dict(letter.headers)["ce_reason"] async for letter in letters] == [b"signature_missing"]

    await secure.until(is_dead, 60, "its dead letter")
