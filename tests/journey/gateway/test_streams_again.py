"""A response's events can be read again from any gateway, during the stream and afterwards."""

from contextlib import aclosing

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import ResponseStreamEvent

from tests.journey.gateway.conftest import openai_of
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


async def events_of(client: AsyncOpenAI, id: str, after: int | None = None) -> list[ResponseStreamEvent]:
    number = openai.omit if after is None else after
    stream = await client.responses.retrieve(id, stream=True, starting_after=number)
    return [event async for event in stream]


def text_of(events: list[ResponseStreamEvent]) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


async def test_from_the_process_that_sent_it_and_from_another(system: System, second: str) -> None:
    await system.order_faults({"prompt": "slowly", "effect": {"kind": "latency", "ms": 3_000}})
    async with openai_of(system) as first_client, openai_of(system, second) as client:
        queued = await first_client.responses.create(model="tier:small", input="slowly", background=True)
        meanwhile = await events_of(client, queued.id)
        assert meanwhile[-1].type == "response.completed"
        whole = await first_client.responses.retrieve(queued.id)
        assert whole.output_text
        here = await events_of(first_client, queued.id)
        later = await events_of(client, queued.id)
        for events in (meanwhile, here, later):
            assert [events[0].type, events[-1].type] == ["response.created", "response.completed"]
            assert text_of(events) == whole.output_text
            assert [event.sequence_number for event in events] == list(range(len(events)))
        assert await events_of(first_client, queued.id, after=2) == here[3:]


async def test_the_rest_of_a_stream_that_its_client_left(system: System) -> None:
    """The background job continues, and the client resumes after its last event."""
    await system.order_faults({"prompt": "slowly", "effect": {"kind": "latency", "ms": 3_000}})
    async with openai_of(system) as client:
        stream = await client.responses.create(
            model="tier:small", input="slowly, and left", background=True, stream=True
        )
        async with aclosing(stream.__aiter__()) as events:  # type: ignore[type-var]
            created = await anext(events)
        await stream.close()
        assert created.type == "response.created"
        rest = await events_of(client, created.response.id, after=created.sequence_number)
        assert [rest[0].sequence_number, rest[-1].type] == [1, "response.completed"]
        assert text_of(rest) == (await client.responses.retrieve(created.response.id)).output_text
    await system.order_faults()


async def test_streams_that_cannot_be_resumed_are_refused(system: System, second: str) -> None:
    async with openai_of(system) as client, openai_of(system, second) as other:
        made = await client.responses.create(model="tier:small", input="Name a bird")
        with pytest.raises(openai.BadRequestError, match="ask without starting_after"):
            await events_of(other, made.id, after=2)
        with pytest.raises(openai.BadRequestError, match="background must be true or false"):
            await client.responses.create(model="tier:small", input="Hi", extra_body={"background": "x"})
