"""LlamaIndex: chat completions."""

from typing import Any

import pytest

from tests.compat.conftest import ASKED, KEY, Forecast

pytest.importorskip("llama_index.llms.openai_like")

pytestmark = [pytest.mark.stack, pytest.mark.asyncio(loop_scope="session")]


def chat_model(base_url: str, api_key: str) -> Any:
    from llama_index.llms.openai_like import OpenAILike

    llm = OpenAILike(
        model="tier:small",
        api_base=base_url,
        api_key=api_key,
        is_chat_model=True,
        is_function_calling_model=True,
    )
    return llm


@pytest.fixture
def llm(base_url: str) -> Any:
    return chat_model(base_url, KEY)


async def test_a_tool_is_called_and_its_result_answered(llm: Any, towns: list[str]) -> None:
    from llama_index.core.agent.workflow import FunctionAgent

    async def weather(town: str) -> str:
        """The weather of a town."""
        towns.append(town)
        return f"rain in {town}"

    agent = FunctionAgent(llm=llm, tools=[weather], system_prompt="Be brief")
    assert str(await agent.run(ASKED))
    assert len(towns) == 1


async def test_a_structured_answer(llm: Any) -> None:
    answer = await llm.as_structured_llm(Forecast).acomplete("Bergen tomorrow")
    assert isinstance(answer.raw, Forecast)


async def test_a_stream(llm: Any) -> None:
    pieces = [piece.delta async for piece in await llm.astream_complete("Tell me of lighthouses")]
    assert len([piece for piece in pieces if piece]) > 1
    assert "".join(piece or "" for piece in pieces) == (await llm.acomplete("Tell me of lighthouses")).text
