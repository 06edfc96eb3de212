"""The gateway where everybody logs in and agents must sign: it signs for those that have API keys."""

from collections.abc import AsyncIterator
from pathlib import Path
from secrets import token_hex

import openai
import pytest
from openai import AsyncOpenAI

from pointsman import starter
from pointsman.dev.services.gateway_agents import APP
from pointsman.identity.api_key import ApiKeyText
from pointsman.registry.agents_file import load as load_agents
from pointsman_schemas.control.registry import ApiKey
from tests.conftest import empty_database
from tests.journey.gateway.conftest import base_url
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


async def test_a_key_is_an_agent_until_it_is_revoked(secure: System) -> None:
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


async def test_a_batch_is_done_with_the_rights_that_the_gateway_has(secure: System) -> None:
    assert secure.logins is not None
    body = b'{"model": "tier:small", "messages": [{"role": "user", "content": "Hi"}]}'
    line = b'{"custom_id": "a", "body": ' + body + b"}"
    async with AsyncOpenAI(base_url=base_url(secure), api_key=secure.logins.api_key) as client:
        file = await client.files.create(file=("in.jsonl", line), purpose="batch")
        batch = await client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )

        async def is_over() -> bool:
            return (await client.batches.retrieve(batch.id)).status == "completed"

        await secure.until(is_over, 60, "the end of the batch")
        output = (await client.batches.retrieve(batch.id)).output_file_id
        assert output is not None
        assert b'"custom_id":"a"' in (await client.files.content(output)).content
