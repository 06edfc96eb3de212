"""smolagents: chat completions."""

import asyncio
from typing import Any

import pytest

from tests.compat.conftest import KEY

pytest.importorskip("smolagents")

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


def chat_model(base_url: str, api_key: str) -> Any:
    from smolagents import OpenAIModel

    model = OpenAIModel(model_id="tier:small", api_base=base_url, api_key=api_key)
    return model


@pytest.fixture
def model(base_url: str) -> Any:
    return chat_model(base_url, KEY)


async def test_tools_are_called_until_the_final_answer(model: Any) -> None:
    from smolagents import ToolCallingAgent

    agent = ToolCallingAgent(tools=[], model=model, max_steps=3)
    assert await asyncio.to_thread(agent.run, "What is the weather in Bergen? [tool:final_answer]")


async def test_a_stream(model: Any) -> None:
    def stream() -> list[str]:
        from smolagents import ChatMessage, MessageRole

        messages = [ChatMessage(role=MessageRole.USER, content="Tell me of lighthouses")]
        return [piece.content for piece in model.generate_stream(messages) if piece.content]

    assert len(await asyncio.to_thread(stream)) > 1
