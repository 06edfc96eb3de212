"""A starting gateway loads the policy before it accepts requests; without one it answers 503."""

from typing import Any

import anthropic
import httpx2
import openai
import pytest

from pointsman import starter
from pointsman.bus.admin.topics import apply
from pointsman.gateway.app import build
from pointsman.gateway.settings import GatewaySettings
from pointsman.registry.agents_file import load
from pointsman.registry.publish import apply_file
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.gateway.alone import apply_policy
from tests.support.running.system import TIERS

pytestmark = pytest.mark.stack


async def test_the_first_request_can_use_the_policys_model_names(kafka: Kafka) -> None:
    settings = GatewaySettings(kafka=kafka.bootstrap, prefix=kafka.prefix, gateway_agent="app")
    topics = Topics(kafka.prefix)
    await apply(kafka.settings, topics.all(TIERS))
    await apply_file(kafka.settings, topics, load(starter.AGENTS, TIERS), by="tests")
    for is_known in (False, True):
        if is_known:
            await apply_policy(kafka.settings, topics)
        service = build(settings)
        transport = httpx2.ASGITransport(app=service.web)  # type: ignore[arg-type]
        async with service.resources(), httpx2.AsyncClient(transport=transport) as http:
            options: Any = {
                "base_url": "http://gateway",
                "api_key": "any",
                "http_client": http,
                "max_retries": 0,
            }
            asked = openai.AsyncOpenAI(**options | {"base_url": "http://gateway/v1"}).models.list()
            if is_known:
                assert [model.id async for model in asked] == ["auto", *(f"tier:{tier}" for tier in TIERS)]
                continue
            with pytest.raises(openai.InternalServerError) as refused:
                await asked
            assert (refused.value.status_code, refused.value.response.headers["retry-after"]) == (503, "1")
            messages = anthropic.AsyncAnthropic(**options).messages
            with pytest.raises(anthropic.InternalServerError, match="overloaded_error"):
                await messages.create(
                    model="tier:small", messages=[{"role": "user", "content": "Hi"}], max_tokens=9
                )
            assert service.not_ready() == "no router has applied a policy yet"
